"""
Rows that fulfil conditions
===========================

Which tumours would one expect among the large ones? Conditions hold by construction: the columns that they name are
generated first, and the others follow from them, so that a rare condition costs no more than a frequent one.
"""

import matplotlib.pyplot as plt

from skgensynth import DiscoTabSynthesizer
from skgensynth.files import load_dataset

table, target = load_dataset("breast_cancer")
table = table[["mean radius", "mean texture", "mean smoothness", "mean concavity", target]]
synthesizer = DiscoTabSynthesizer(random_state=0).fit(table)

# %%
# A range with an open end, and a range together with a value of the target.

large = synthesizer.sample(1000, conditions={"mean radius": (18, None)})
small_malignant = synthesizer.sample(1000, conditions={"mean radius": (None, 13), target: "malignant"})
print(f"smallest radius of the large ones: {large['mean radius'].min()}")
print(f"malignant among the large ones: {(large[target] == 'malignant').mean():.0%}")

# %%
# The other columns follow. Real rows of the same kind are few, where there are any.

real = {
    "large": table[table["mean radius"] >= 18],
    "small and malignant": table[(table["mean radius"] <= 13) & (table[target] == "malignant")],
}
made = {"large": large, "small and malignant": small_malignant}

figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), sharex=True, layout="constrained")
for ax, name in zip(axes, made, strict=True):
    for label, rows in (("real", real[name]), ("synthetic", made[name])):
        ax.hist(rows["mean concavity"], bins=15, density=True, alpha=0.6, label=f"{len(rows)} {label} rows")
    ax.set(title=name, xlabel="mean concavity", yticks=[])
    ax.legend()
plt.show()
