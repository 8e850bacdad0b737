"""
A language model that is told, not trained
==========================================

:class:`~skgensynth.SynLLMSynthesizer` describes a table to a frozen language model and asks it for rows. What the model
is told is one of four prompts, which go from real example rows to rules without any real row. The embedded model has
135 million parameters: it runs anywhere and shows the mechanics, and what such a model can *not* do. One parameter,
``llm``, puts a larger one in its place.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skgensynth import SynLLMSynthesizer
from skgensynth.metrics import rule_violations

rng = np.random.default_rng(0)
n = 120
age = rng.integers(18, 90, n)
bilirubin = np.round(rng.gamma(2.0, 1.2, n) + 0.3, 1)
X = pd.DataFrame({"age": age, "sex": rng.choice(["F", "M"], n, p=[0.8, 0.2]), "bilirubin": bilirubin})
y = pd.Series(np.where(bilirubin > 4, "severe", np.where(rng.random(n) < 0.2, "severe", "mild")), name="course")

descriptions = {
    "age": "age in years",
    "bilirubin": "serum bilirubin in mg/dL",
    "course": "course of the disease",
}
rules = ["if bilirubin > 4 then course is severe"]

# %%
# With rules and statistics, and no real row: the prompt says what it says, and `prompt_` shows it.

told = SynLLMSynthesizer(
    prompt="clin_rule",
    context="Patients of a liver clinic.",
    feature_descriptions=descriptions,
    rules=rules,
    random_state=0,
).fit(X, y)
print(told.prompt_)

# %%
# Rows are decoded under a grammar that the table's schema makes: whatever the model writes has the table's columns,
# levels, ranges and decimals. Rows that break a rule of the user's are drawn again, and classes come in their shares.

shown = SynLLMSynthesizer(prompt="seed_ex", random_state=0).fit(X, y)
made = {name: synthesizer.sample(30) for name, synthesizer in (("clin_rule", told), ("seed_ex", shown))}
for name, (X_new, y_new) in made.items():
    rows = X_new.assign(course=y_new)
    broken = rule_violations(rows, rules).share
    print(
        f"{name}: {y_new.eq('severe').mean():.0%} severe (real: {y.eq('severe').mean():.0%}), {broken:.0%} break a rule"
    )
print(told.usage_)

# %%
# Where the prompt tells statistics, each row gets a profile drawn from them, and the model chooses within it. Without
# that (``stratify="classes"``), what it makes of numbers is its own: it writes what it has seen often.

free = SynLLMSynthesizer(stratify="classes", random_state=0).fit(X, y)
made["clin_rule, numbers left to the model"] = free.sample(30)

figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for ax, column in zip(axes, ["age", "bilirubin"], strict=True):
    bins = np.histogram_bin_edges(X[column], 12)
    ax.hist(X[column], bins=bins, density=True, alpha=0.4, label=f"{n} real rows")
    for name, (X_new, _) in made.items():
        ax.hist(X_new[column], bins=bins, density=True, histtype="step", linewidth=1.5, label=f"30 rows, {name}")
    ax.set(xlabel=column, yticks=[])
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
plt.show()

# %%
# Without any data, from a description alone:

columns = {"age": (18, 90), "stage": [1, 2, 3, 4], "ascites": ["no", "yes"]}
described = SynLLMSynthesizer.from_schema(columns, rules=["if ascites is yes then stage is 3 or 4"], random_state=0)
print(described.sample(5))
