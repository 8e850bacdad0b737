import numpy as np
import pandas as pd
import pytest

from benchmarks import small


@pytest.fixture
def asia(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    smoke = rng.random(600) < 0.5
    table = {"smoke": smoke, "bronc": smoke, "xray": rng.random(600) < 0.2, "dysp": smoke ^ (rng.random(600) < 0.1)}
    frame = pd.DataFrame(table).replace({True: "yes", False: "no"}).assign(row=range(600))
    frame.to_csv(tmp_path / "asia_sampled_10000.csv", index=False)
    monkeypatch.setenv("SKGENSYNTH_DATA", str(tmp_path))
    return frame


def test_rows_are_held_out_before_training_rows_are_drawn(asia):
    few, held_out = small.split("asia", 25, 0)
    more, same = small.split("asia", 100, 0)
    assert (len(few), len(more), len(held_out)) == (25, 100, small.N_HELD_OUT)
    pd.testing.assert_frame_equal(held_out, same)
    assert not set(held_out["row"]) & (set(few["row"]) | set(more["row"]))
    assert few["dysp"].value_counts(normalize=True)["yes"] == pytest.approx((asia["dysp"] == "yes").mean(), abs=0.03)


def test_the_order_of_columns_does_not_tell_causes(asia):
    orders = {tuple(small.split("asia", 25, seed)[0].columns) for seed in range(5)}
    assert len(orders) > 1
    assert {order[-1] for order in orders} == {"dysp"}


def test_rows_of_one_class_are_worth_what_saying_it_always_is():
    held_out = pd.DataFrame({"a": range(100), "class": ["x"] * 80 + ["y"] * 20})
    rows = pd.DataFrame({"a": range(10), "class": "x"})
    # F1 of the class that is always said is 2 * 0.8 / 1.8; the other one's is 0.
    assert small.utility(rows, held_out, "class", "classification", 0) == pytest.approx(0.8 * 1.6 / 1.8)


def test_the_best_learner_counts():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=300), "b": rng.normal(size=300)})
    frame["class"] = np.where(frame["a"] * frame["b"] > 0, "x", "y")  # what no linear model sees
    assert small.utility(frame[:200], frame[200:], "class", "classification", 0) > 0.8


def test_a_method_is_measured_and_summed_up_beside_the_paper(asia, monkeypatch):
    monkeypatch.setattr(small, "machine", lambda: "abacus")
    runs = [small.measure("asia", 100, seed, method) for method in ("real", "cart") for seed in (0, 1)]
    assert all(0.75 < run["utility"] <= 1 for run in runs)
    assert all(("dcr_train" in run) == (run["method"] == "cart") for run in runs)
    text = small.summary(pd.DataFrame(runs))
    assert "| *MALLM-GAN in the paper* | 0.83 |" in text
    assert text.count("| sequential CART |") == 3
    assert "(2)" in text
    assert "tokens" not in text
    assert "Wilcoxon" not in text
    worse = [run | {"method": "disco", "utility": run["utility"] - 0.1} for run in runs if run["method"] == "real"]
    compared = small.summary(pd.DataFrame(runs + worse))
    assert "| DiscoTabSynthesizer - real training rows | -0.1000 | 0 of 2 |" in compared
    with_model = pd.DataFrame([runs[0] | {"n_tokens": 40_000, "estimated_n_tokens": 38_000}, *runs[1:]])
    assert "| 40 / 38 |" in small.summary(with_model)
    assert text.endswith("Measured on abacus.\n")
