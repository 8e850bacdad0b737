"""
Feedback for a synthesizer
==========================

What does the second stage give? A supervised policy, the same with scalar and with hierarchical feedback: how often do
their rows break the laws of the table, and what do models learn from them?
"""

import copy
import os
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.model_selection import train_test_split

from skgensynth import DiscoTabSynthesizer
from skgensynth.metrics import tstr

# %%
# The heart failure records of the UCI repository, where they are at hand; scikit-learn's irises otherwise.

path = Path(os.environ.get("SKGENSYNTH_DATA", "."), "heart_failure_clinical_records.csv")
if path.exists():
    table, target = pd.read_csv(path), "DEATH_EVENT"
else:
    table, target = load_iris(as_frame=True).frame, "target"
train, test = train_test_split(table, test_size=0.3, stratify=table[target], random_state=3)
X, y = train.drop(columns=target), train[target]

# %%
# One supervised stage, and both kinds of feedback from there. ``DiscoTabSynthesizer()`` does the first and the last
# line's work at once; laws that are known beforehand could be given with ``constraints=["..."]``.

supervised = DiscoTabSynthesizer(feedback=None, random_state=0).fit(X, y)
scalar = copy.deepcopy(supervised).set_params(feedback="scalar").improve(X, y)
hierarchical = copy.deepcopy(supervised).set_params(feedback="hierarchical").improve(X, y)

for law in hierarchical.constraints_:
    if len(law.columns) > 1:
        print(law)

# %%
# Rows that break a law, and what models learn from rows of each. The real rows of the test set break some laws too:
# what holds on a few hundred rows need not hold on all.

laws = hierarchical.constraints_
real = tstr(train, test, target).score
figures = {}
for name, synthesizer in {"supervised": supervised, "scalar": scalar, "hierarchical": hierarchical}.items():
    X_new, y_new = synthesizer.sample(10 * len(train))
    figures[name] = {
        "rows that break a law": laws.violations(X_new, y_new).any(axis=1).mean(),
        "utility / real": tstr(X_new.assign(**{target: y_new}), test, target).score / real,
    }
figures = pd.DataFrame(figures).T
print(figures.round(4))
broken = laws.violations(test.drop(columns=target), test[target]).any(axis=1)
print("real rows of the test set that break a law:", broken.mean().round(4))

# %%

figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
for axis, name in zip(axes, figures.columns, strict=True):
    axis.bar(figures.index, figures[name], color=["#95a5a6", "#5d8aa8", "#c0392b"], width=0.6)
    axis.set_title(name)
    axis.spines[["top", "right"]].set_visible(False)
axes[1].axhline(1, color="0.5", lw=1, ls="--")
plt.show()

# %%
# The law is broken no more, and that is sampling's work: it leaves no row unsettled. On so few rows no discriminator
# can tell real from generated ones, either, and then the second stage ends where it began, at cycle 0.

judged = pd.DataFrame([entry for entry in hierarchical.history_ if "cycle" in entry])
print(judged[["cycle", "row_auc", "row_trust", "broken_rows", "unsettled_rows"]].round(3).to_string(index=False))

# %%
# Where columns follow each other closely, there is something to tell. What happens then: rewards by level, how well
# held-out rows are told from generated ones, the distance from the supervised policy, and the shares of the classes. A
# state that is not better than the one before is not kept.

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
close = DiscoTabSynthesizer(random_state=0).fit(X[["mean radius", "mean perimeter", "mean area", "mean texture"]], y)
close.plot_history()
plt.show()
