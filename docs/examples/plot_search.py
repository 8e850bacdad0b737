"""
Searching a synthesizer's settings
==================================

How long should a synthesizer train? Too few epochs and its rows are of no use, too many and they may come close to the
training rows. ``GridSearchCV`` measures both on held-out folds.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from skgensynth import DiscoTabSynthesizer, score_privacy, score_utility

X, y = load_wine(return_X_y=True, as_frame=True)
X = X[["alcohol", "flavanoids", "color_intensity", "hue", "proline"]]

# %%
# With ``error_score="raise"`` a scorer that fails says why. ``refit`` names the score that picks the best settings. The
# settings searched here are those of the first stage, so the second one is left out: thirteen fits are quick that way.

search = GridSearchCV(
    DiscoTabSynthesizer(feedback=None, random_state=0),
    {"n_epochs": [4, 12, 25, 60]},
    scoring={"utility": score_utility, "privacy": score_privacy},
    refit="utility",
    cv=StratifiedKFold(3, shuffle=True, random_state=0),
    error_score="raise",
).fit(X, y)
print(search.best_params_)

# %%
# Settings that no other one beats in both scores at once are the front: the choice is among these, and how much privacy
# a bit of utility is worth is not for the search to say.

results = search.cv_results_
privacy, utility = results["mean_test_privacy"], results["mean_test_utility"]
no_worse = (privacy[:, None] >= privacy) & (utility[:, None] >= utility)
better = (privacy[:, None] > privacy) | (utility[:, None] > utility)
on_front = ~(no_worse & better).any(axis=0)
print("on the front:", [int(n) for n in results["param_n_epochs"][on_front]], "epochs")

# %%
# For both scores 1 is ideal: the top right corner is where to be. The bars are standard deviations over the folds.
# Where they overlap, the search cannot tell settings apart.

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
ax.errorbar(
    privacy,
    utility,
    xerr=results["std_test_privacy"],
    yerr=results["std_test_utility"],
    fmt="o",
    color="tab:gray",
    alpha=0.5,
    label="settings",
)
front = np.flatnonzero(on_front)[np.argsort(privacy[on_front])]
ax.plot(privacy[front], utility[front], "o-", color="tab:blue", label="front")
for x, y_, n_epochs in zip(privacy, utility, results["param_n_epochs"], strict=True):
    ax.annotate(f"{n_epochs} epochs", (x, y_), xytext=(6, 6), textcoords="offset points")
ax.margins(0.12)
ax.set(xlabel="privacy (1: the attack is at chance)", ylabel="utility (macro F1 on real rows)")
ax.legend(loc="center left")
plt.show()
