import math

import numpy as np
import pytest

from skgensynth.metrics.copies import CopiesResult
from skgensynth.metrics.risks import Rate, RiskResult
from skgensynth.report.figures import (
    Figure,
    compared,
    copies_remark,
    fidelity_figures,
    leaks,
    privacy_figures,
    recall_by_class,
    rule_figures,
    scored,
    utility_figures,
)


def _by_name(figures):
    return {figure.name: figure for figure in figures}


def test_texts_show_intervals_where_there_are_any():
    figure = Figure("Utility", "x", 0.5, (0.25, 0.75), math.nan, None, "chance", "higher")
    assert figure.texts == ("0.500 (0.250 to 0.750)", "–")
    assert Figure("Utility", "x", 0.5, (math.nan, math.nan), 1.0, None, "", "lower").texts == ("0.500", "1.000")


def test_utility_stands_beside_real_rows(report):
    figures = _by_name(utility_figures(report.utility))
    made, real = report.utility.synthetic, report.utility.real
    assert figures["macro F1"].value == made.score
    assert figures["macro F1"].interval == made.score_interval
    assert figures["macro F1"].reference == real.score
    assert figures["lowest recall of a class"].value == min(recall_by_class(made).values())
    assert figures["gain in macro F1 when added to real rows"].reference == 0


def test_fidelity_stands_beside_held_out_rows(report):
    fidelity = report.fidelity
    figures = _by_name(fidelity_figures(fidelity, held_out=True))
    assert figures["Jensen-Shannon divergence"].value == fidelity.means["divergence"].synthetic
    assert figures["Jensen-Shannon divergence"].reference == fidelity.means["divergence"].floor
    assert figures["global fidelity index"].value == fidelity.index[0]
    assert figures["association difference"].meaning == "held-out real rows"
    assert _by_name(fidelity_figures(fidelity, held_out=False))["association difference"].meaning == (
        "real rows split in half"
    )


def test_rules_stand_beside_real_rows(report):
    (figure,) = rule_figures(report.rules, held_out=True)
    assert (figure.value, figure.reference) == (report.rules.share, report.rules.real_share)


def test_privacy_stands_beside_chance_or_held_out_rows(report):
    figures = _by_name(privacy_figures(report.privacy))
    assert figures["AUC of the membership attack by distance"].reference == 0.5
    assert figures["training rows recognised at 1 % false alarms"].reference == 0.01
    assert figures["near copies"].reference == report.privacy.copies.near.control.share
    rates = [risk.main.share for risk in report.privacy.attributes.per_column.values()]
    assert figures["values guessed from all others"].value == pytest.approx(np.mean(rates))


def test_chance_of_macro_f1_is_that_of_the_most_frequent_class(report):
    counts = np.array([each["support"] for each in report.utility.real.per_class["linear"].values()])
    most = counts.max() / counts.sum()
    assert report.utility.chance["macro_f1"] == pytest.approx((2 * most / (1 + most)) / 2)
    assert scored(report.utility)["AUC"].chance == 0.5
    assert list(scored(report.utility)) == ["macro F1", "AUC"]


def test_compared_gives_what_chance_makes_of_the_floor(report):
    result = report.fidelity.means["divergence"]
    assert compared(report.fidelity, "divergence") == (result.synthetic, result.floor, result.floor_interval[1])


def test_leaks_of_areas_run_from_chance_to_certainty(report):
    memberships, others = leaks(report.privacy)
    assert [leak.gain for leak in memberships] == [
        pytest.approx(2 * result.auc - 1) for result in report.privacy.memberships.values()
    ]
    assert {leak.name for leak in others} >= {"singling out of rows", "linking of two halves", "guessing of values"}
    assert not any(math.isnan(leak.gain) for leak in others)


@pytest.mark.parametrize(
    ("n_copies", "copied", "by_chance", "named"),
    [(0, 0.0, 0.0, False), (1, 0.001, 0.0, True), (500, 0.5, 0.5, False), (500, 0.5, 0.1, True)],
)
def test_copies_are_named_where_chance_does_not_explain_them(report, n_copies, copied, by_chance, named):
    exact = RiskResult.relative(Rate.of(copied, 1000), Rate.of(by_chance, 200))
    privacy = type(report.privacy)(
        **vars(report.privacy) | {"copies": CopiesResult(exact=exact, near=exact, n_exact=n_copies, threshold=0.0)}
    )
    assert (f"{n_copies} of 1,000" in copies_remark(privacy, 1000)) == named
