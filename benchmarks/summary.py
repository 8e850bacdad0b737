"""From single runs to means, spreads, a table in Markdown, a JSON file and a picture."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.peers import LABELS, METHODS
from benchmarks.tables import TABLES

FIGURES = (
    "utility",
    "ratio",
    "auc",
    "jsd",
    "association_difference",
    "membership_auc",
    "exact_copies",
    "fit_seconds",
    "fit_cpu_seconds",
    "sample_seconds",
)
OWN = ("feedback", "disco")
# A benchmark of one process keeps the load near 1 by itself; above this, something else was running as well.
BUSY_LOAD = 1.5
JSD_LIMITS = dict.fromkeys(TABLES, 0.01) | {"parkinsons": 0.02}  # fewer than 200 training rows


def summarise(path: Path) -> str:
    """Summarise a file of results beside it (``.json``, ``.md``, ``.png``); return the Markdown."""
    runs = read_runs(path)
    cells = aggregate(runs)
    methods = overall(cells)
    path.with_suffix(".json").write_text(json.dumps(_document(runs, cells, methods), indent=1) + "\n")
    markdown = _markdown(runs, cells, methods)
    path.with_suffix(".md").write_text(markdown)
    _picture(methods, path.with_suffix(".png"))
    return markdown


def aggregate(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean, standard deviation and number of seeds for each table and method, and the interval of the attack's AUC."""
    rows = []
    for (table, method), group in runs.groupby(["table", "method"], sort=False, observed=True):
        row = {"table": table, "method": method, "seeds": len(group), "busy": bool((group["load"] > BUSY_LOAD).any())}
        for figure in FIGURES:
            row[figure], row[f"{figure}_sd"] = group[figure].mean(), group[figure].std()
        row["membership_low"], row["membership_high"] = interval(group["membership_auc"])
        rows.append(row)
    return pd.DataFrame(rows)


def overall(cells: pd.DataFrame) -> pd.DataFrame:
    """One line for each method: means over the tables and the worst of them."""
    rows = []
    for method, group in cells.groupby("method", sort=False, observed=True):
        by_table = group.set_index("table")
        rows.append(
            {
                "method": method,
                "tables": len(group),
                "ratio_mean": group["ratio"].mean(),
                "ratio_least": group["ratio"].min(),
                "ratio_least_table": by_table["ratio"].idxmin() if group["ratio"].notna().any() else None,
                "jsd_mean": group["jsd"].mean(),
                "jsd_most": group["jsd"].max(),
                "jsd_most_table": by_table["jsd"].idxmax(),
                "association_difference_mean": group["association_difference"].mean(),
                "membership_mean": group["membership_auc"].mean(),
                "membership_most": group["membership_auc"].max(),
                "membership_most_table": by_table["membership_auc"].idxmax(),
                "leaking_tables": [row.table for row in group.itertuples() if row.membership_low > 0.5],
                "exact_copies": group["exact_copies"].sum(),
            }
        )
    return pd.DataFrame(rows)


def verdicts(cells: pd.DataFrame, methods: pd.DataFrame) -> list[tuple[str, bool, str]]:
    """What is asked of our synthesizer: the wish, whether it is fulfilled, and the figures."""
    own = own_method(methods["method"])
    if own is None:
        return []
    totals = methods.set_index("method")
    ours = totals.loc[own]
    utility = cells.pivot(index="table", columns="method", values="ratio").dropna(subset=own)
    jsd = cells[cells["method"] == own].set_index("table")["jsd"]
    wishes = [
        ("utility / real at least 0.98 on the mean", ours.ratio_mean >= 0.98, f"{ours.ratio_mean:.3f}"),
        ("none below 0.9", ours.ratio_least >= 0.9, f"{ours.ratio_least:.3f} ({ours.ratio_least_table})"),
    ]
    for peer in utility.columns.intersection(["ctgan", "tvae"]):
        below = utility.index[utility[own] <= utility[peer]].tolist()
        wishes.append((f"utility above {LABELS[peer]} on every table", not below, ", ".join(below) or "all"))
    if "cart" in utility:
        gap = (utility[own] - utility["cart"]).mean()
        wishes.append(("utility at least that of sequential CART on the mean", gap >= 0, f"{gap:+.3f}"))
    above = [f"{table} {value:.4f}" for table, value in jsd.items() if value >= JSD_LIMITS[table]]
    leaking = ours.leaking_tables
    wishes += [
        ("JSD below 0.01 (Parkinson's 0.02) on every table", not above, ", ".join(above) or f"{ours.jsd_most:.4f}"),
        ("membership AUC 0.52 or less on the mean", ours.membership_mean <= 0.52, f"{ours.membership_mean:.3f}"),
        ("on none significantly above 0.5", not leaking, ", ".join(leaking) or "none"),
        ("no exact copies", ours.exact_copies == 0, f"{ours.exact_copies:.1f} rows"),
    ]
    return [(wish, bool(fulfilled), figures) for wish, fulfilled, figures in wishes]


def own_method(methods: Iterable[str]) -> str | None:
    """Our method among those measured: both stages once they are measured, until then the supervised one."""
    return next((name for name in OWN if name in set(methods)), None)


def read_runs(path: Path) -> pd.DataFrame:
    """All runs as a frame, in the order of tables and methods; a run measured twice counts once, the last time."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    runs = pd.DataFrame(records).drop_duplicates(["table", "seed", "method"], keep="last")
    runs["auc"] = [mean.get("auc", np.nan) for mean in runs["utility_mean"]]
    runs["load"] = runs["load_before_fit"]
    # The ceiling of a method is that of its own seeds: splits differ more than methods do.
    real = runs[runs["method"] == "real"].set_index(["table", "seed"])["utility"]
    runs["real"] = real.reindex(pd.MultiIndex.from_frame(runs[["table", "seed"]])).to_numpy()
    runs["ratio"] = runs["utility"] / runs.groupby(["table", "method"])["real"].transform("mean")
    for column, order in (("table", TABLES), ("method", METHODS)):
        runs[column] = pd.Categorical(runs[column], list(order))
    return runs.sort_values(["table", "method", "seed"]).astype({"table": str, "method": str})


def interval(values: pd.Series) -> tuple[float, float]:
    """95 % interval of a mean over seeds, by Student's t."""
    if len(values) < 2:
        return float("nan"), float("nan")
    half = stats.t.ppf(0.975, len(values) - 1) * values.std() / np.sqrt(len(values))
    return values.mean() - half, values.mean() + half


def bracket(low: float, high: float, form: str = ".3f") -> str:
    """An interval in brackets; nothing where one seed alone leaves none."""
    return "" if np.isnan(low) else f" ({low:{form}} to {high:{form}})"


def _spread(mean, deviation, digits):
    return f"{mean:.{digits}f}" + ("" if np.isnan(deviation) else f" ± {deviation:.{digits}f}")


def _document(runs, cells, methods):
    return {
        "verdicts": verdicts(cells, methods),
        "machines": sorted(runs["machine"].unique()),
        "versions": {method: group["versions"].iloc[-1] for method, group in runs.groupby("method")},
        "methods": _records(methods),
        "tables": _records(cells),
    }


def _records(frame):
    # Through pandas' own writer: NaN becomes null, numpy's numbers become JSON's.
    return json.loads(frame.to_json(orient="records", double_precision=6))


def _markdown(runs, cells, methods):
    lines = [
        "| method | tables | utility / real, mean | least | JSD, mean | most | membership AUC, mean | most | "
        "significantly above 0.5 | exact copies |",
        "| --- | ---: | ---: | --- | ---: | --- | ---: | --- | --- | ---: |",
    ]
    for row in methods.itertuples():
        leaking = "" if row.method == "real" else ", ".join(row.leaking_tables) or "none"
        lines.append(
            f"| {LABELS[row.method]} | {row.tables} | {row.ratio_mean:.3f} | {row.ratio_least:.3f} "
            f"({row.ratio_least_table}) | {row.jsd_mean:.4f} | {row.jsd_most:.4f} ({row.jsd_most_table}) | "
            f"{row.membership_mean:.3f} | {row.membership_most:.3f} ({row.membership_most_table}) | {leaking} | "
            f"{row.exact_copies:.0f} |"
        )
    lines += ["", *(f"- {wish}: {'yes' if ok else 'no'} ({figure})" for wish, ok, figure in verdicts(cells, methods))]
    lines += [
        "",
        "Mean ± standard deviation over seeds. Utility: macro F1, R² for insurance. Exact copies: rows, mean over "
        "seeds. The line of real rows: utility of the training rows, and fidelity and privacy of real rows that were "
        "not fitted. Seconds marked * were measured on a busy machine.",
        "",
        "| table | method | utility | / real | AUC | JSD | association difference | membership AUC (95 % interval) | "
        "exact copies | fit s | fit CPU s | sample s | seeds |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *map(_cell_line, cells.itertuples()),
        "",
        *(f"Measured on {machine}." for machine in sorted(runs["machine"].unique())),
    ]
    return "\n".join(lines) + "\n"


def _cell_line(row):
    auc = "" if np.isnan(row.auc) else f"{row.auc:.3f}"
    busy = " *" if row.busy else ""
    return (
        f"| {row.table} | {LABELS[row.method]} | {_spread(row.utility, row.utility_sd, 3)} | {row.ratio:.3f} | {auc} | "
        f"{_spread(row.jsd, row.jsd_sd, 4)} | {row.association_difference:.3f} | "
        f"{row.membership_auc:.3f}{bracket(row.membership_low, row.membership_high)} | {row.exact_copies:.0f} | "
        f"{row.fit_seconds:.1f}{busy} | {row.fit_cpu_seconds:.1f} | {row.sample_seconds:.1f}{busy} | {row.seeds} |"
    )


def _picture(methods, path):
    """Utility against privacy, a point for each method: the top left corner is ideal."""
    from matplotlib.figure import Figure

    shown = methods[methods["method"] != "real"]
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.axhline(1, color="0.6", lw=1, ls="--")
    axes.axvline(0.5, color="0.6", lw=1, ls="--")
    n_tables = shown["tables"].max()
    for row in shown.itertuples():
        ours = row.method in OWN
        axes.scatter(row.membership_mean, row.ratio_mean, s=140 if ours else 70, color="#c0392b" if ours else "#34495e")
        axes.annotate(
            LABELS[row.method] + (f" ({row.tables} tables)" if row.tables < n_tables else ""),
            (row.membership_mean, row.ratio_mean),
            # Neighbours at the same height: their labels go to heights of their own.
            xytext=(0, 24 if ours else 10 if row.method == "smotenc" else -16),
            textcoords="offset points",
            # Ours lies near the left axis, which a centred label would cross.
            ha="left" if ours else "center",
            weight="bold" if ours else "normal",
        )
    axes.margins(x=0.25, y=0.15)
    axes.set_xlabel("membership attack, AUC (0.5: training rows cannot be told from unseen ones)")
    axes.set_ylabel("utility relative to real training rows")
    axes.set_title(f"Utility and privacy, mean over {n_tables} public tables")
    axes.text(0.502, axes.get_ylim()[0], " chance", color="0.4", va="bottom")
    axes.text(axes.get_xlim()[0], 1.002, " real rows", color="0.4", va="bottom")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
