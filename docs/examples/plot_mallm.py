"""
Two language models that play a GAN in text
===========================================

:class:`~skgensynth.MallmGanSynthesizer` keeps a readable description of how rows come about: a causal graph and an
instruction. One language model makes rows by it, a classifier tells them from real ones, and another language model
rewrites the description so that this becomes harder. The embedded model plays both parts here; it shows how the method
works rather than how good it is.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skgensynth import MallmGanSynthesizer

rng = np.random.default_rng(0)
n = 40
smoker = rng.random(n) < 0.5
age = rng.integers(30, 80, n)
cough = rng.random(n) < np.where(smoker, 0.8, 0.2)
X = pd.DataFrame({"age": age, "smoker": np.where(smoker, "yes", "no"), "cough": np.where(cough, "yes", "no")})

synthesizer = MallmGanSynthesizer(
    context="Patients of a lung clinic.",
    forbidden_edges=[("smoker", "age"), ("cough", "age")],  # what experts know
    n_epochs=2,
    batch_size=20,
    n_examples=2,
    output="csv",
    random_state=0,
)
print(synthesizer.estimate_cost(X))

# %%
# The search, told in words: what was tried, how well the classifier told the rows from real ones, and what was chosen.

synthesizer.fit(X)
print(synthesizer.explain())

# %%
# The same as a picture: scores and changes of the graph by iteration. Scores of different iterations compare after all
# rows have been judged again by classifiers that learned from other rows.

synthesizer.plot_trajectory()
plt.show()

# %%
# The graph that the chosen process holds.

synthesizer.causal_graph_.plot()
plt.show()

# %%
# Rows are made by the chosen process, with real rows as examples; conditions go into the instruction and the grammar.

print(synthesizer.sample(5))
print(synthesizer.sample(5, conditions={"age": (65, None), "smoker": "yes"}))
print(synthesizer.usage_)
