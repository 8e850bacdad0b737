"""Where each method stands between utility, privacy and fidelity, and what ours gains over each baseline.

Run from the root of the repository: ``python -m benchmarks.front``. Measures nothing: it reads
``results/quality.jsonl`` and writes ``results/front.png`` and ``results/front.md``.
"""

from __future__ import annotations

import argparse
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.peers import LABELS
from benchmarks.quality import RESULTS
from benchmarks.summary import OWN, aggregate, bracket, interval, own_method, read_runs
from benchmarks.tables import TABLES
from skgensynth.metrics import harmonic_score

# Figures by which methods are compared, and whether more is better.
AXES = {"ratio": True, "membership_auc": False, "jsd": False}
LEAST_SHOWN = 0.4
COLOURS = {
    "feedback": "#c0392b",
    "disco": "#e67e22",
    "ctgan": "#0072b2",
    "tvae": "#aa4499",
    "forest": "#009e73",
    "cart": "#7f7f7f",
    "smotenc": "#111111",
}


def write(source: Path, folder: Path) -> str:
    """Write the picture and the tables for a file of results; return the Markdown."""
    runs = read_runs(source)
    cells = score(aggregate(runs))
    methods = standing(runs, cells)
    lines = [*_standing_lines(methods), "", *_domination_lines(runs), ""]
    own = own_method(methods["method"])
    if own is not None:
        lines += [*_gain_lines(gains(runs, own), failures(cells), own), ""]
    lines += [f"Measured on {machine}." for machine in sorted(runs["machine"].unique())]
    markdown = "\n".join(lines) + "\n"
    (folder / "front.md").write_text(markdown)
    _picture(methods, cells, folder / "front.png")
    return markdown


def score(cells: pd.DataFrame) -> pd.DataFrame:
    """Add privacy in [0, 1], as `score_privacy` has it, and its harmonic mean with utility to each table and method."""
    privacy = 1 - 2 * (cells["membership_auc"] - 0.5).clip(lower=0)
    return cells.assign(privacy=privacy, harmonic=harmonic_score(privacy, cells["ratio"].clip(0, 1)))


def standing(runs: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """One line for each method but the real rows: means over its tables, with 95 % intervals over seeds."""
    rows = []
    for method, group in cells[cells["method"] != "real"].groupby("method", sort=False):
        row = {"method": method, "tables": len(group), "ratio_least": group["ratio"].min()}
        row["ratio_least_table"] = group["table"][group["ratio"].idxmin()]
        for figure in (*AXES, "harmonic"):
            row[figure] = group[figure].mean()
        own_runs = runs[runs["method"] == method]
        for figure in AXES:
            # A seed that lacks a table would shift the mean by what is missing.
            by_seed = own_runs.pivot(index="seed", columns="table", values=figure).dropna().mean(axis=1)
            row[f"{figure}_low"], row[f"{figure}_high"] = interval(by_seed)
        row["seeds"] = len(by_seed)
        rows.append(row)
    return pd.DataFrame(rows).sort_values("harmonic", ascending=False, ignore_index=True)


def front(points: pd.DataFrame, x: str) -> pd.DataFrame:
    """Methods with the highest utility among all with no more of x, from the least x on."""
    ordered = points.sort_values([x, "ratio"], ascending=[True, False])
    return ordered[ordered["ratio"] > ordered["ratio"].cummax().shift(fill_value=-np.inf)]


def compare(runs: pd.DataFrame, one: str, other: str) -> dict[str, float]:
    """By how much one method is better than the other in each figure on splits that both have, mean over tables."""
    both = runs[runs["method"].isin([one, other])]
    both = both[both.groupby(["table", "seed"])["method"].transform("size") == 2]
    means = both.groupby(["method", "table"])[["utility", "real", "membership_auc", "jsd"]].mean()
    means["ratio"] = means["utility"] / means["real"]
    change = {figure: means[figure].unstack("table").reindex([one, other]) for figure in AXES}
    better = {figure: (1 if AXES[figure] else -1) * (t.loc[one] - t.loc[other]).mean() for figure, t in change.items()}
    return better | {"splits": len(both) // 2}


def gains(runs: pd.DataFrame, own: str) -> pd.DataFrame:
    """Relative gain in utility of our method over each baseline: a line for each table with classes.

    Both sides are means over the seeds that both have. R² is left out: it has no zero to be relative to.
    """
    wide = runs.pivot(index=["table", "seed"], columns="method", values="utility")
    columns = {}
    for baseline in wide.columns.difference([*OWN, "real"]):
        means = wide[[own, baseline]].dropna().groupby("table").mean()
        columns[baseline] = means[own] / means[baseline] - 1
    tables = [name for name, table in TABLES.items() if table.task == "classification" and name in set(runs["table"])]
    order = [method for method in LABELS if method in columns]
    return pd.DataFrame(columns).reindex(index=tables, columns=order)


def failures(cells: pd.DataFrame) -> dict[str, list[str]]:
    """Tables by method on which it fails: models learn nothing, AUC at or below 0.5, R² at or below 0."""
    failed = cells[(cells["auc"] <= 0.5) | (cells["utility"] <= 0)]
    return failed.groupby("method")["table"].agg(list).to_dict()


def _standing_lines(methods):
    fronts = {x: set(front(methods, x)["method"]) for x in ("membership_auc", "jsd")}
    yield "Means over tables, 95 % intervals over seeds (Student's t). Privacy is 1 - 2 max(0, AUC - 0.5), as in"
    yield "`score_privacy`; the harmonic score (`harmonic_score`) of privacy and utility, cut at 1, is taken on each"
    yield "table and then averaged, and orders the lines. Front: no other method has at least as much utility at no"
    yield "higher AUC (or JSD)."
    yield ""
    yield (
        "| method | tables | seeds | utility / real | least | membership AUC - 0.5 | JSD | harmonic score | "
        "front by AUC | front by JSD |"
    )
    yield "| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | --- | --- |"
    for row in methods.itertuples():
        on = ["yes" if row.method in fronts[x] else "no" for x in ("membership_auc", "jsd")]
        yield (
            f"| {LABELS[row.method]} | {row.tables} | {row.seeds} | "
            f"{row.ratio:.3f}{bracket(row.ratio_low, row.ratio_high)} | "
            f"{row.ratio_least:.3f} ({row.ratio_least_table}) | {row.membership_auc - 0.5:+.3f}"
            f"{bracket(row.membership_auc_low - 0.5, row.membership_auc_high - 0.5, '+.3f')} | {row.jsd:.4f} | "
            f"{row.harmonic:.3f} | {on[0]} | {on[1]} |"
        )


def _domination_lines(runs):
    """Who is at least as good as whom in utility and privacy at once, and better in one."""
    methods = [method for method in LABELS if method != "real" and method in set(runs["method"])]
    found = False
    for one, other in permutations(methods, 2):
        better = compare(runs, one, other)
        gained = (better["ratio"], better["membership_auc"])
        if not (min(gained) >= 0 and max(gained) > 0):
            continue
        found = True
        yield (
            f"- {LABELS[one]} dominates {LABELS[other]}: utility {better['ratio']:+.3f}, membership AUC "
            f"{-better['membership_auc']:+.3f}; JSD {-better['jsd']:+.4f} ({better['splits']} splits)."
        )
    if not found:
        yield "No method dominates another in utility and privacy."


def _gain_lines(gained, failed, own):
    yield f"Relative gain in macro F1 of {LABELS[own]} (models trained on synthetic rows, tested on real ones), mean"
    yield "over the seeds that both have. † the baseline fails: AUC of its models at or below 0.5."
    yield ""
    yield "| table | " + " | ".join(LABELS[baseline] for baseline in gained) + " |"
    yield "| --- |" + " ---: |" * gained.shape[1]
    for table, row in gained.iterrows():
        marks = ["†" if table in failed.get(baseline, []) else "" for baseline in gained]
        yield f"| {table} | " + " | ".join(_percent(v) + mark for v, mark in zip(row, marks, strict=True)) + " |"
    holds = gained.apply(lambda column: column.drop(failed.get(column.name, []), errors="ignore").mean())
    for name, values in (("mean", gained.mean()), ("mean without †", holds), ("largest", gained.max())):
        yield f"| **{name}** | " + " | ".join(map(_percent, values)) + " |"
    regressions = {m: [t for t in tables if TABLES[t].task == "regression"] for m, tables in failed.items()}
    for method, tables in regressions.items():
        if tables:
            yield f"\nR² of {LABELS[method]} is not above 0 on {', '.join(tables)}."


def _percent(value):
    return "" if np.isnan(value) else f"{100 * value:+.1f} %"


def _picture(methods, cells, path):
    """Utility against the attack and against divergence: a large point for each method, a small one for each table."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5.4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    panels[1].set_xscale("log")
    shown = cells[cells["method"] != "real"]
    panels[0].set_xlim(shown["membership_auc"].min() - 0.53, shown["membership_auc"].max() - 0.47)
    panels[1].set_xlim(shown["jsd"].min() / 1.5, shown["jsd"].max() * 1.5)
    for axes, x, shift in zip(panels, ("membership_auc", "jsd"), (0.5, 0), strict=True):
        axes.axhline(1, color="0.7", lw=1, ls="--", zorder=0)
        for row in methods.itertuples():
            _draw(axes, row, shown[shown["method"] == row.method], x, shift)
        best = front(methods, x)
        edge = axes.get_xlim()[1]
        axes.step(
            [*(best[x] - shift), edge], [*best["ratio"], best["ratio"].max()], where="post", color="0.5", zorder=1
        )
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].axvline(0, color="0.7", lw=1, ls="--", zorder=0)
    panels[0].set_xlabel("membership attack, AUC above chance")
    panels[0].set_ylabel("utility relative to real training rows")
    panels[0].set_ylim(LEAST_SHOWN - 0.03, None)
    panels[1].set_xlabel("Jensen-Shannon divergence of columns, bits")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle(
        f"Utility, privacy and fidelity: means over {methods['tables'].max()} public tables (small: single tables)"
    )
    figure.savefig(path, dpi=150)


def _draw(axes, row, tables, x, shift):
    colour = COLOURS[row.method]
    label = LABELS[row.method] + ("" if row.tables == len(TABLES) else f" ({row.tables} tables)")
    axes.errorbar(
        getattr(row, x) - shift,
        row.ratio,
        xerr=[[getattr(row, x) - getattr(row, f"{x}_low")], [getattr(row, f"{x}_high") - getattr(row, x)]],
        yerr=[[row.ratio - row.ratio_low], [row.ratio_high - row.ratio]],
        fmt="*" if row.method in OWN else "o",
        ms=17 if row.method in OWN else 10,
        color=colour,
        label=label,
        zorder=3,
    )
    # Tables below the axis are shown on its edge, as triangles.
    shown = tables["ratio"] >= LEAST_SHOWN
    for mask, marker in ((shown, "o"), (~shown, "v")):
        axes.scatter(
            tables[x][mask] - shift,
            tables["ratio"][mask].clip(lower=LEAST_SHOWN - 0.02),
            s=20,
            color=colour,
            alpha=0.5,
            marker=marker,
            linewidths=0,
            zorder=2,
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.front", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS / "quality.jsonl", help="file of results to read")
    options = parser.parse_args()
    print(write(options.results, options.results.parent))


if __name__ == "__main__":
    main()
