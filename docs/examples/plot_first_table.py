"""
A synthetic table, and what it is worth
=======================================

The Wisconsin breast cancer table: 569 tumours, 30 measurements of each, and whether it was malignant. A synthesizer
learns three quarters of the rows. Are its rows of use, and do they give the real ones away?
"""

# %%
# Some rows are held out: the synthesizer never sees them, so that they can judge its rows.

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from skgensynth import DiscoTabSynthesizer
from skgensynth.files import load_dataset
from skgensynth.report import evaluate

table, target = load_dataset("breast_cancer")
table = table[[name for name in table.columns if name.startswith("mean ") or name == target]]
train, test = train_test_split(table, random_state=0, stratify=table[target])

# %%
# What goes in comes back: a frame with the same names and dtypes, and the target.

synthesizer = DiscoTabSynthesizer(random_state=0).fit(train.drop(columns=target), train[target])
X_new, y_new = synthesizer.sample(10 * len(train))
synthetic = X_new.assign(**{target: y_new})
synthetic.head()

# %%
# Each figure stands beside what real rows reach.

report = evaluate(train, test, synthetic, target=target)
print(report)

# %%
# Two measurements that go together, real and synthetic.

figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharex=True, sharey=True, layout="constrained")
for ax, (name, rows) in zip(axes, {"real": train, "synthetic": synthetic[: len(train)]}.items(), strict=True):
    for label, part in rows.groupby(target):
        ax.scatter(part["mean radius"], part["mean concave points"], s=12, alpha=0.7, label=label)
    ax.set(title=f"{len(rows)} {name} rows", xlabel="mean radius", ylabel="mean concave points")
axes[0].legend(title=target)
plt.show()
