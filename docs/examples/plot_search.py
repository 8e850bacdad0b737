"""
Searching a synthesizer's settings
==================================

How long should a synthesizer train? Too few epochs and its rows are of no use, too many and they may come close to the
training rows. ``GridSearchCV`` measures both on held-out folds.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from skgensynth import DiscoTabSynthesizer, score_privacy, score_utility

X, y = load_wine(return_X_y=True, as_frame=True)
X = X[["alcohol", "flavanoids", "color_intensity", "hue", "proline"]]

# %%
# With ``error_score="raise"`` a scorer that fails says why. ``refit`` names the score that picks the best settings.

search = GridSearchCV(
    DiscoTabSynthesizer(random_state=0),
    {"n_epochs": [3, 10, 30, 100]},
    scoring={"utility": score_utility, "privacy": score_privacy},
    refit="utility",
    cv=StratifiedKFold(3, shuffle=True, random_state=0),
    error_score="raise",
).fit(X, y)
print(search.best_params_)

# %%
# For both scores 1 is ideal: the top right corner is where to be.

results = search.cv_results_
figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
ax.errorbar(
    results["mean_test_privacy"],
    results["mean_test_utility"],
    xerr=results["std_test_privacy"],
    yerr=results["std_test_utility"],
    fmt="o",
    alpha=0.8,
)
for privacy, utility, n_epochs in zip(
    results["mean_test_privacy"], results["mean_test_utility"], results["param_n_epochs"], strict=True
):
    ax.annotate(f"{n_epochs} epochs", (privacy, utility), xytext=(6, 6), textcoords="offset points")
ax.set(xlabel="privacy (1: the attack is at chance)", ylabel="utility (macro F1 on real rows)")
plt.show()
