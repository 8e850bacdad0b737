"""The Asia network (Lauritzen and Spiegelhalter, 1988): its graph, its tables, and rows from it."""

import numpy as np
import pandas as pd

NODES = ("asia", "tub", "smoke", "lung", "bronc", "either", "xray", "dysp")
EDGES = (
    ("asia", "tub"), ("smoke", "lung"), ("smoke", "bronc"), ("tub", "either"), ("lung", "either"), ("either", "xray"),
    ("either", "dysp"), ("bronc", "dysp"),
)  # fmt: skip
# Parents, and the probability of "yes" for each combination of theirs, "no" first.
TABLES = {
    "asia": ((), [0.01]),
    "tub": (("asia",), [0.01, 0.05]),
    "smoke": ((), [0.5]),
    "lung": (("smoke",), [0.01, 0.1]),
    "bronc": (("smoke",), [0.3, 0.6]),
    "either": (("tub", "lung"), [0.0, 1.0, 1.0, 1.0]),
    "xray": (("either",), [0.05, 0.98]),
    "dysp": (("bronc", "either"), [0.1, 0.7, 0.8, 0.9]),
}


def draw_row(rng, parents):
    """A row: a column whose parents are the true ones follows its true table, any other is yes or no by a coin."""
    row = {}
    for node in NODES:
        true, table = TABLES[node]
        probability = 0.5
        if set(parents.get(node, ())) == set(true):
            probability = table[int("".join(str(int(row[parent])) for parent in true) or "0", 2)]
        row[node] = bool(rng.random() < probability)
    return {node: "yes" if value else "no" for node, value in row.items()}


def asia_rows(n, seed=0):
    """Rows of the network with both values in every column; `dysp` is the target."""
    rng = np.random.default_rng(seed)
    parents = {node: true for node, (true, _) in TABLES.items()}
    while True:
        table = pd.DataFrame([draw_row(rng, parents) for _ in range(n)])
        if (table.nunique() == 2).all():
            return table.drop(columns="dysp"), table["dysp"]
