"""What the parts of MALLM-GAN do with the embedded model: graphs, examples, discriminators, conditions.

Run from the root of the repository: ``OMP_NUM_THREADS=1 python -m benchmarks.mallm_parts``, with ``--parts graph`` for
one of them. Tables and splits are those of `benchmarks.small`. Each run is appended to ``results/mallm_parts.jsonl`` at
once and not measured again; the pictures are drawn from the file.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.quality import RESULTS, machine
from benchmarks.runs import collect, publish
from benchmarks.small import TABLES, split, utility
from skgensynth import DiscoTabSynthesizer, MallmGanSynthesizer
from skgensynth.mallm.graph import CausalGraph
from skgensynth.mallm.trajectory import iterations_of
from skgensynth.metrics import detection_auc, distance_to_closest_record, jensen_shannon

matplotlib.use("Agg")

# The network behind Asia (Lauritzen and Spiegelhalter, 1988).
ASIA = (
    ("asia", "tub"), ("smoke", "lung"), ("smoke", "bronc"), ("tub", "either"), ("lung", "either"), ("either", "xray"),
    ("either", "dysp"), ("bronc", "dysp"),
)  # fmt: skip
STARTS = {"hill climbing": "heuristic", "no edges": "none", "the true graph": list(ASIA)}
# A category and a range that few rows have: 3.0 % and 9.3 % of adult.
CONDITIONS = {"widowed": {"marital-status": "Widowed"}, "age 17 to 21": {"age": (17, 21)}}
N_CONDITIONED, N_TRAIN, N_BINS = 60, 200, 5
SOURCES = ("MALLM-GAN", "DiscoTabSynthesizer", "other real rows", "all real rows")

Runs = Iterator[dict]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=RESULTS / "mallm_parts.jsonl")
    options = parser.parse_args()
    jobs = [
        (part, table, setting, seed)
        for part, seed in itertools.product(options.parts, options.seeds)
        for table, setting in PARTS[part][1]
    ]
    runs = collect(options.out, ("part", "table", "setting", "seed"), jobs, measure)
    publish(options.out, summary(runs))
    _draw(runs, options.out.parent)


def measure(part: str, table: str, setting: str, seed: int) -> list[dict]:
    """Figures of one setting on one split."""
    begun = time.perf_counter()
    head = {"part": part, "table": table, "setting": setting, "seed": seed}
    found = [head | figures for figures in PARTS[part][0](table, setting, seed)]
    tail = {"machine": machine(), "finished": datetime.now(UTC).isoformat(timespec="seconds")}
    return [run | {"seconds": time.perf_counter() - begun} | tail for run in found]


def _fitted(table: str, n_train: int, seed: int, **settings) -> tuple[MallmGanSynthesizer, pd.DataFrame, pd.DataFrame]:
    train, held_out = split(table, n_train, seed)
    target = TABLES[table][1]
    synthesizer = MallmGanSynthesizer(output="csv", random_state=seed, **settings)
    return synthesizer.fit(train.drop(columns=target), train[target]), train, held_out


def _graph(table: str, setting: str, seed: int) -> Runs:
    """Distance of each iteration's graph from the true one, and the iteration's score."""
    synthesizer, *_ = _fitted(table, 100, seed, init=STARTS[setting], n_epochs=5)
    true = CausalGraph(synthesizer.causal_graph_.nodes, ASIA)
    for number, iteration in enumerate(synthesizer.trajectory_):
        yield {
            "iteration": number,
            "distance": iteration.graph.edit_distance(true),
            "edges": len(iteration.graph.edges),
            "adjusted_score": iteration.adjusted_score,
            "yield": iteration.yield_rate,
        }
    chosen = synthesizer.causal_graph_
    yield {"iteration": -1, "distance": chosen.edit_distance(true), "edges": len(chosen.edges)}


def _examples(table: str, setting: str, seed: int) -> Runs:
    """Utility and distances by the number of examples that a request shows."""
    yield _made(table, seed, n_examples=int(setting), optimize=False)


def _discriminator(table: str, setting: str, seed: int) -> Runs:
    """Utility, distances and scores by the kind of discriminator."""
    yield _made(table, seed, discriminator=setting, n_epochs=3)


def _made(table: str, seed: int, **settings) -> dict:
    synthesizer, train, held_out = _fitted(table, 100, seed, **settings)
    target, task = TABLES[table][1:]
    X, y = synthesizer.sample(len(train))
    rows = X.assign(**{target: y})[train.columns]
    closest = distance_to_closest_record(train, held_out, rows)
    trajectory = synthesizer.trajectory_
    chosen = iterations_of(synthesizer.process_, trajectory)
    return {
        "utility": utility(rows, held_out, target, task, seed),
        "dcr_train": closest.to_train.median,
        "dcr_held_out": closest.to_holdout.median,
        "yield": synthesizer.sampling_summary_.yield_rate,
        "jsd": jensen_shannon(held_out, rows, n_bins=N_BINS).mean,
        "detection_auc": detection_auc(held_out, rows, random_state=seed).auc,
        "first_score": trajectory[0].adjusted_score if trajectory else None,
        "chosen_score": trajectory[chosen[0]].adjusted_score if chosen else None,
    }


def _conditions(table: str, setting: str, seed: int) -> Runs:
    """How near rows under a condition are to the real rows that meet it, beside real rows themselves."""
    synthesizer, train, _ = _fitted(table, N_TRAIN, seed, optimize=False)
    target, condition = TABLES[table][1], CONDITIONS[setting]
    column = next(iter(condition))
    everything = _everything(table)
    seen = everything.merge(train, how="inner").drop_duplicates()
    meeting = _meeting(everything, condition)
    unseen = meeting[~meeting.apply(tuple, axis=1).isin(set(map(tuple, seen.to_numpy())))]
    peer = DiscoTabSynthesizer(random_state=seed).fit(train.drop(columns=target), train[target])
    made = {"other real rows": unseen.sample(N_CONDITIONED, random_state=seed)}
    made["all real rows"] = everything.sample(N_CONDITIONED, random_state=seed)
    for name, source in (("MALLM-GAN", synthesizer), ("DiscoTabSynthesizer", peer)):
        X, y = source.sample(N_CONDITIONED, conditions=condition)
        made[name] = X.assign(**{target: y})
    rest = unseen.drop(made["other real rows"].index).drop(columns=column)
    for name in SOURCES:
        rows = made[name][everything.columns]
        figures = {
            "source": name,
            "n_training_rows": len(_meeting(train, condition)),
            "n_real_rows": len(meeting),
            "meet": len(_meeting(rows, condition)) / len(rows),
            "jsd": jensen_shannon(rest, rows.drop(columns=column), n_bins=N_BINS).mean,
        }
        if name == "MALLM-GAN":
            figures["yield"] = synthesizer.sampling_summary_.yield_rate
        if seed == 0 and name in ("MALLM-GAN", "DiscoTabSynthesizer"):
            figures["projected"] = _projection(everything, meeting).transform(rows).round(2).tolist()
        yield figures


def _everything(table: str) -> pd.DataFrame:
    """All complete rows, in the order of columns that seed 0 has."""
    parts = split(table, N_TRAIN, 0)
    return pd.read_csv(_path(table))[list(parts[0].columns)].dropna()


def _path(table: str) -> Path:
    from benchmarks.tables import data_folder

    return data_folder() / TABLES[table][0]


def _meeting(rows: pd.DataFrame, condition: dict) -> pd.DataFrame:
    [(column, wanted)] = condition.items()
    return rows[rows[column].between(*wanted) if isinstance(wanted, tuple) else rows[column] == wanted]


def _projection(everything: pd.DataFrame, meeting: pd.DataFrame):
    """The two principal components of the real rows, half of them rows that meet the condition."""
    numbers = list(everything.select_dtypes("number").columns)
    names = [column for column in everything if column not in numbers]
    spread = make_column_transformer(
        (StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), names)
    )
    n = min(len(meeting), 500)
    both = pd.concat([everything.sample(n, random_state=0), meeting.sample(n, random_state=0)])
    return make_pipeline(spread, PCA(2, random_state=0)).fit(both)


PARTS: dict[str, tuple[Callable[[str, str, int], Runs], list[tuple[str, str]]]] = {
    "graph": (_graph, [("asia", start) for start in STARTS]),
    "examples": (_examples, [(table, str(n)) for table in ("asia", "insurance", "adult") for n in range(1, 6)]),
    "discriminator": (
        _discriminator,
        [(table, kind) for table in ("asia", "insurance") for kind in ("logistic", "xgboost", "neural")],
    ),
    "conditions": (_conditions, [("adult", condition) for condition in CONDITIONS]),
}


def summary(runs: pd.DataFrame) -> str:
    """The parts' tables as Markdown."""
    text = ["With the embedded model, CSV; mean ± standard deviation over seeds (their number).", ""]
    graphs = runs[runs.part == "graph"]
    if len(graphs):
        text += ["Edges that differ from the true graph of Asia (8 edges), 100 training rows, 5 epochs:", ""]
        text += _table(graphs[graphs.iteration >= 0], ["setting"], "iteration", "distance", 1)
        text += ["", "The graph that is chosen in the end:", ""]
        text += _figures(graphs[graphs.iteration < 0], ["setting"], {"distance": 1, "edges": 1})
    for part, title in (("examples", "Examples in a request"), ("discriminator", "Kinds of discriminator")):
        found = runs[runs.part == part]
        if len(found):
            text += ["", f"{title}, 100 training rows and as many made:", ""]
            names = {"utility": 3, "dcr_train": 3, "dcr_held_out": 3, "jsd": 3, "detection_auc": 2, "yield": 2}
            scores = {"seconds": 0} if part == "examples" else {"seconds": 0, "first_score": 2, "chosen_score": 2}
            text += _figures(found, ["table", "setting"], {**names, **scores})
    found = runs[runs.part == "conditions"]
    if len(found):
        text += ["", f"{N_CONDITIONED} rows of adult under a condition, {N_TRAIN} training rows:", ""]
        names = {"n_training_rows": 0, "n_real_rows": 0, "meet": 2, "yield": 2, "jsd": 3}
        text += _figures(found, ["setting", "source"], names)
    return "\n".join([*text, "", *(f"Measured on {machine}." for machine in sorted(set(runs["machine"]))), ""])


def _figures(runs: pd.DataFrame, by: list[str], names: dict[str, int]) -> list[str]:
    long = runs.melt([*by, "seed"], [name for name in names if name in runs], "figure").dropna(subset="value")
    long["value"] = long["value"].astype(float)
    return _table(long, by, "figure", "value", names)


def _table(runs: pd.DataFrame, by: list[str], across: str, value: str, digits: int | dict[str, int]) -> list[str]:
    """A table with a line for each setting; means and spreads."""
    columns = list(dict.fromkeys(runs[across]))
    lines = [
        f"| {' | '.join(by)} | {' | '.join(map(str, columns))} |",
        "| --- " * len(by) + "| ---: " * len(columns) + "|",
    ]
    for key, group in runs.groupby(by, sort=False):
        cells = []
        for column in columns:
            values = group.loc[group[across] == column, value].astype(float)
            n = digits[column] if isinstance(digits, dict) else digits
            cells.append(f"{values.mean():.{n}f} ± {values.std():.{n}f} ({len(values)})" if len(values) else "")
        lines.append(f"| {' | '.join(key)} | {' | '.join(cells)} |")
    return lines


def _draw(runs: pd.DataFrame, folder: Path) -> None:
    """Distances of graphs over iterations, and rows under conditions among the real ones."""
    from matplotlib import pyplot as plt

    graphs, projected = runs[runs.part == "graph"], runs[(runs.part == "conditions") & (runs.seed == 0)]
    if len(graphs):
        figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
        for start, group in graphs[graphs.iteration >= 0].groupby("setting", sort=False):
            by_iteration = group.groupby("iteration")["distance"]
            ax.plot(by_iteration.mean(), marker="o", markersize=3, label=start)
            ax.fill_between(by_iteration.min().index, by_iteration.min(), by_iteration.max(), alpha=0.15)
        ax.set(xlabel="iteration", ylabel="edges that differ from the true graph", ylim=(0, None))
        ax.legend(title="start", frameon=False)
        figure.savefig(folder / "mallm_graph.png", dpi=150)
        plt.close(figure)
    if len(projected):
        figure, axes = plt.subplots(1, len(CONDITIONS), figsize=(5 * len(CONDITIONS), 4), layout="constrained")
        everything = _everything("adult")
        for ax, (name, condition) in zip(axes, CONDITIONS.items(), strict=True):
            meeting = _meeting(everything, condition)
            projection = _projection(everything, meeting)
            for label, rows, color in (
                ("all real rows", everything, "0.85"),
                ("real rows that meet it", meeting, "C0"),
            ):
                points = projection.transform(rows.sample(min(500, len(rows)), random_state=1))
                ax.scatter(*points.T, s=6, color=color, label=label)
            for source, color in (("MALLM-GAN", "C3"), ("DiscoTabSynthesizer", "C2")):
                points = projected[(projected.setting == name) & (projected.source == source)]["projected"].iloc[0]
                ax.scatter(*np.array(points).T, s=14, color=color, marker="x", label=source)
            ax.set(title=name, xlabel="first principal component", ylabel="second")
        axes[0].legend(frameon=False, fontsize=8)
        figure.savefig(folder / "mallm_conditions.png", dpi=150)
        plt.close(figure)


if __name__ == "__main__":
    main()
