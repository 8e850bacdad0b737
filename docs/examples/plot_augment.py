"""
Training on more rows than there are
====================================

Does a classifier learn more from few rows if synthetic ones are added? ``AugmentedClassifier`` wraps an estimator and a
synthesizer and is a classifier like any other, so cross-validation can tell.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skgensynth import AugmentedClassifier, DiscoTabSynthesizer
from skgensynth.files import load_dataset

table, target = load_dataset("breast_cancer")
X = table[["mean radius", "mean texture", "mean smoothness", "mean concavity", "mean symmetry"]]
y = table[target]

# %%
# Eighty tumours to learn from, all others to be judged by. Synthetic rows are made at ``fit`` only, from the training
# rows alone: here ten for each of them, in the classes' own shares. A step of scikit-learn's pipeline may be augmented,
# or a whole pipeline, as here. The synthesizer is fitted ten times, so its second stage, which takes longer than the
# first, is left out.

classifiers = {
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
    "decision tree": make_pipeline(StandardScaler(), DecisionTreeClassifier(random_state=0)),
}
synthesizer = DiscoTabSynthesizer(n_epochs=30, learning_rate=1e-2, feedback=None)
folds = StratifiedShuffleSplit(5, train_size=80, random_state=0)
scores = {}
for name, alone in classifiers.items():
    augmented = AugmentedClassifier(alone, synthesizer, where="all", ratio=10, random_state=0)
    scores[name] = [cross_val_score(model, X, y, cv=folds, error_score="raise") for model in (alone, augmented)]
    print(f"{name}: {np.mean(scores[name][0]):.3f} alone, {np.mean(scores[name][1]):.3f} augmented")

# %%
# The tree, which makes much of every single row, is steadied by the smoother picture that the synthesizer has of the
# table, though not on every split. The logistic regression has a smooth picture of its own and only gets the
# synthesizer's errors. So measure what synthetic rows do for your classifier on your table, and leave them out where
# they do nothing. A grey line is one split.

figure, axes = plt.subplots(1, 2, figsize=(8, 3.5), sharey=True, layout="constrained")
for ax, (name, pair) in zip(axes, scores.items(), strict=True):
    ax.plot([0, 1], pair, "o-", color="tab:gray", alpha=0.5)
    ax.plot([0, 1], np.mean(pair, axis=1), "o-", color="black", linewidth=2, label="mean")
    ax.set(title=name, xticks=[0, 1], xticklabels=["80 real rows", "and 800 synthetic"], xlim=(-0.4, 1.4))
axes[0].set(ylabel="accuracy on the other rows")
axes[0].legend()
plt.show()
