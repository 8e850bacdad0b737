import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from benchmarks.cross_checks import CHECKS, largest_gap, measure, total_variation, write


@pytest.fixture
def tables():
    rng = np.random.default_rng(0)
    real, synthetic = (
        pd.DataFrame(
            {
                "age": rng.normal(size=60),
                "weight": rng.normal(size=60),
                "sex": rng.choice(["F", "M"], 60),
                "DEATH_EVENT": rng.choice(["no", "yes"], 60),
            }
        )
        for _ in range(2)
    )
    return real, synthetic


def test_parts_agree_with_scipy(tables):
    real, synthetic = tables
    assert largest_gap(real["age"], synthetic["age"]) == pytest.approx(
        ks_2samp(real["age"], synthetic["age"]).statistic
    )
    women = [(table["sex"] == "F").mean() for table in tables]
    assert total_variation(real["sex"], synthetic["sex"]) == pytest.approx(abs(women[0] - women[1]))


def test_every_check_is_measured_and_written(tables):
    figures = {"noise": measure(*tables, ["sex", "DEATH_EVENT"])}
    assert figures["noise"].keys() == CHECKS.keys()
    text = write(figures, figures, {"package": "1.0"})
    lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert len(lines) == len(CHECKS)
    assert all(line.split(" | ")[4] == "0" for line in lines)


def test_differences_are_shown_and_figures_without_a_counterpart_refused():
    ours = {"noise": {check: {"age": 0.5, "sex": 0.25} for check in CHECKS}}
    theirs = {"noise": {check: {"age": 0.5, "sex": 0.75} for check in CHECKS}}
    assert "| 0.375 / 0.625 | 2 | 0.5000 |" in write(ours, theirs, {})
    del theirs["noise"]["tv"]["sex"]
    with pytest.raises(ValueError, match=r"tv of noise: \['sex'\] stand alone"):
        write(ours, theirs, {})
