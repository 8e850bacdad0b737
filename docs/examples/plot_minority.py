"""
More rows of a rare class
=========================

A synthesizer is an over-sampler of imbalanced-learn. Inside imbalanced-learn's pipeline it adds rows of the rare class
to each training fold, and never to a test fold.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score

from skgensynth import DiscoTabSynthesizer
from skgensynth.files import load_dataset

table, target = load_dataset("breast_cancer")
columns = ["mean texture", "mean smoothness", "mean symmetry", "mean fractal dimension"]

# %%
# Malignant tumours are made rare: 40 of them against 357 benign ones.

malignant = table[table[target] == "malignant"].sample(40, random_state=0)
rows = pd.concat([table[table[target] == "benign"], malignant], ignore_index=True)
X, y = rows[columns], (rows[target] == "malignant").astype(int)

# %%
# The same classifier on the rows as they are, and on rows balanced in two ways.

forest = RandomForestClassifier(random_state=0)
candidates = {
    "as they are": forest,
    "SMOTE": make_pipeline(SMOTE(random_state=0), forest),
    "DISCO-TAB": make_pipeline(DiscoTabSynthesizer(random_state=0), forest),
}
folds = StratifiedKFold(4, shuffle=True, random_state=0)
scores = {name: cross_val_score(model, X, y, scoring="f1", cv=folds) for name, model in candidates.items()}

# %%
# One table and four folds: the spread is as large as the differences, and says so.

figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
for place, values in enumerate(scores.values()):
    ax.scatter(values, np.full(len(values), place), alpha=0.6)
    ax.scatter(values.mean(), place, marker="|", s=600, color="black")
ax.set(yticks=range(len(scores)), yticklabels=scores, xlabel="F1 of the rare class on each test fold, and mean")
plt.show()
