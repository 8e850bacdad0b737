"""
More rows of a rare class
=========================

A synthesizer is an over-sampler of imbalanced-learn. Inside imbalanced-learn's pipeline it adds rows of the rare class
to each training fold, and never to a test fold. Does that help more than SMOTE-NC or class weights do?
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTENC
from imblearn.pipeline import make_pipeline
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.preprocessing import OneHotEncoder

from skgensynth import DiscoTabSynthesizer

# %%
# A table with numbers and categories, made on the spot: fewer than one patient in five comes back within a month.

rng = np.random.default_rng(0)
n_rows = 400
X = pd.DataFrame(
    {
        "age": rng.normal(65, 12, n_rows).round(),
        "marker": rng.lognormal(1, 0.6, n_rows).round(1),
        "pressure": rng.normal(130, 18, n_rows).round(),
        "ward": pd.Categorical(rng.choice(["medical", "surgical", "stroke"], n_rows, p=[0.5, 0.3, 0.2])),
        "home": pd.Categorical(rng.choice(["alone", "family", "care"], n_rows, p=[0.3, 0.5, 0.2])),
    }
)
risk = -5.2 + 0.08 * (X["age"] - 65) + 0.6 * X["marker"] + 1.5 * (X["home"] == "alone") + (X["ward"] == "stroke")
y = pd.Series(rng.random(n_rows) < 1 / (1 + np.exp(-risk)), name="back").astype(int)
print(y.value_counts())

# %%
# Four ways to train the same forest. An inner search chooses, on each training fold alone, how far the rare class is
# filled up, or how much its rows weigh.

columns = make_column_transformer((OneHotEncoder(), ["ward", "home"]), remainder="passthrough")
forest = RandomForestClassifier(50, min_samples_leaf=2, random_state=0)
smote = SMOTENC("auto", random_state=0)
# A short training in large steps, no trees that teach the target and no second stage, because this page trains twenty
# synthesizers.
short = {"n_epochs": 20, "batch_size": 128, "learning_rate": 1e-2, "policy_params": {"n_target_trees": 0}}
disco = DiscoTabSynthesizer(**short, feedback=None, random_state=0)
shares, weights = [0.4, 1.0], [{1: 3}, "balanced"]
candidates = {
    "as they are": (make_pipeline(columns, forest), {}),
    "class weights": (make_pipeline(columns, forest), {"randomforestclassifier__class_weight": weights}),
    "SMOTE-NC": (make_pipeline(smote, columns, forest), {"smotenc__sampling_strategy": shares}),
    "DISCO-TAB": (make_pipeline(disco, columns, forest), {"discotabsynthesizer__sampling_strategy": shares}),
}
outer, inner = (StratifiedKFold(n, shuffle=True, random_state=0) for n in (4, 2))
scores = {}
for name, (model, grid) in candidates.items():
    search = GridSearchCV(model, grid, scoring="f1", cv=inner, error_score="raise") if grid else model
    scores[name] = cross_validate(search, X, y, cv=outer, scoring=["f1", "average_precision"], error_score="raise")

# %%
# F1 looks at what the forest calls a return, average precision only at the order in which it puts the patients.

measures = {"test_f1": "F1", "test_average_precision": "average precision"}
table = pd.DataFrame(
    {
        title: {name: f"{result[key].mean():.2f} ± {result[key].std():.2f}" for name, result in scores.items()}
        for key, title in measures.items()
    }
)
print(table)

# %%
# More weight or more rows make the forest call returns more often, which raises F1. Neither puts the patients into a
# better order: what the training rows do not tell, rows made from them cannot tell either. The differences are within
# the spread of the folds, and this is one table and one forest. Class weights cost nothing: they are what more rows
# have to beat.

figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
for ax, (key, title) in zip(axes, measures.items(), strict=True):
    for place, result in enumerate(scores.values()):
        ax.scatter(result[key], np.full(len(result[key]), place), alpha=0.6)
        ax.scatter(result[key].mean(), place, marker="|", s=600, color="black")
    ax.set(yticks=range(len(scores)), yticklabels=scores, xlabel=f"{title} on each test fold, and mean")
axes[0].set(ylim=(len(scores) - 0.5, -0.5))
plt.show()
