import pickle

import numpy as np
import pandas as pd
import pytest
from common.toy import MarginalsSynthesizer
from imblearn.pipeline import Pipeline
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_validate
from sklearn.neighbors import KernelDensity, KNeighborsClassifier, KNeighborsRegressor

from skgensynth import make_privacy_scorer, make_utility_scorer, score_fidelity, score_privacy, score_utility
from skgensynth.base import BaseSynthesizer
from skgensynth.exceptions import TrainingRowsUnavailableError
from skgensynth.metrics import association_difference, detection_auc, global_fidelity_index, jensen_shannon
from skgensynth.schema import TableSchema


class NoisyCopies(BaseSynthesizer):
    """Draws training rows with noise on the numbers: leaks without noise, and loses the signal with much of it."""

    def __init__(self, noise=0.0, *, identifiers="regenerate", copies="allow", random_state=None):
        super().__init__(identifiers=identifiers, copies=copies, random_state=random_state)
        self.noise = noise

    def _fit_model(self, values, rng):
        self.rows_ = values

    def _sample_model(self, n, conditions, rng):
        rows = self.rows_[rng.integers(len(self.rows_), size=n)]
        numbers = [column.kind == "continuous" for column in self.schema_.modelled]
        spread = np.where(numbers, np.nanstd(self.rows_, axis=0), 0)
        return rows + self.noise * spread * rng.normal(size=rows.shape)

    def _save_model(self, folder):
        return {}

    def _load_model(self, folder, state):
        self.rows_ = None


@pytest.fixture
def table(rng):
    n = 120
    X = pd.DataFrame(
        {
            "age": rng.normal(60, 10, n),
            "weight": np.where(rng.random(n) < 0.1, np.nan, rng.normal(80, 15, n)),
            "sex": rng.choice(["F", "M"], n),
            "dose": rng.normal(size=n),
        }
    )
    y = pd.Series(np.where(X["age"] + rng.normal(0, 3, n) > 60, "ill", "well"), name="outcome")
    return X, y


def _halves(table):
    X, y = table
    return (X[:60], y[:60]), (X[60:], y[60:])


def test_copies_are_useful_and_not_private(table):
    train, test = _halves(table)
    synthesizer = NoisyCopies(random_state=0).fit(*train)
    assert score_utility(synthesizer, *test) > 0.75
    assert score_privacy(synthesizer, *test) == 0
    assert score_fidelity(synthesizer, *test) > 0.75


def test_noise_is_private_and_not_useful(table):
    train, test = _halves(table)
    synthesizer = NoisyCopies(noise=20.0, random_state=0).fit(*train)
    assert score_utility(synthesizer, *test) < 0.7
    assert score_privacy(synthesizer, *test) > 0.7
    assert score_fidelity(synthesizer, *test) < 0.6


def test_a_continuous_target_is_scored_by_r2(table, rng):
    X, _ = table
    y = 2 * X["dose"] + rng.normal(0, 0.1, len(X))
    synthesizer = NoisyCopies(random_state=0).fit(X[:60], y[:60])
    assert score_utility(synthesizer, X[60:], y[60:]) > 0.7
    assert score_utility(synthesizer, X[60:], 10 - y[60:]) < 0


def test_scores_are_repeatable(table):
    train, test = _halves(table)
    synthesizer = NoisyCopies(noise=0.3).fit(*train)
    for scorer in (score_utility, score_privacy, score_fidelity):
        assert scorer(synthesizer, *test) == scorer(synthesizer, *test)


def test_containers_do_not_change_the_scores(table):
    X, y = table
    numbers = X[["age", "dose"]]
    codes = (y == "ill").astype(int)
    scores = [
        [
            scorer(NoisyCopies(noise=0.3, random_state=0).fit(a[:60], b[:60]), a[60:], b[60:])
            for scorer in (score_utility, score_privacy, score_fidelity)
        ]
        for a, b in (
            (numbers, codes),
            (numbers.to_numpy(), codes.to_numpy()),
            (numbers.to_numpy().tolist(), codes.tolist()),
        )
    ]
    assert scores[0] == scores[1] == scores[2]


def test_identifiers_and_unseen_categories_are_no_obstacle(table):
    X, y = table
    X = X.assign(id=np.arange(len(X)), code=["rare" if i == 100 else "common" for i in range(len(X))])
    for identifiers in ("regenerate", "drop"):
        synthesizer = NoisyCopies(random_state=0, identifiers=identifiers)
        with pytest.warns(UserWarning, match="id"):
            synthesizer.fit(X[:60], y[:60])
        assert score_utility(synthesizer, X[60:], y[60:]) > 0.75
        assert score_privacy(synthesizer, X[60:], y[60:]) < 0.1
        assert score_fidelity(synthesizer, X[60:], y[60:]) > 0.75


def test_privacy_without_a_target(table):
    X, y = table
    without = NoisyCopies(random_state=0).fit(X[:60])
    assert score_privacy(without, X[60:]) == 0
    assert score_privacy(NoisyCopies(random_state=0).fit(X[:60], y[:60]), X[60:]) == 0


def test_utility_needs_a_target(table):
    X, y = table
    with pytest.raises(ValueError, match="score_utility needs y"):
        score_utility(NoisyCopies().fit(X, y), X)
    with pytest.raises(ValueError, match="was fitted with a target"):
        score_utility(NoisyCopies().fit(X), X, y)


@pytest.mark.parametrize("scorer", [score_utility, score_privacy, score_fidelity])
def test_unfitted_and_other_columns(table, scorer):
    X, y = table
    with pytest.raises(NotFittedError):
        scorer(NoisyCopies(), X, y)
    with pytest.raises(ValueError, match="feature names"):
        scorer(NoisyCopies().fit(X, y), X.rename(columns={"age": "years"}), y)


def test_privacy_needs_the_training_rows(table):
    train, test = _halves(table)
    synthesizer = NoisyCopies(random_state=0).fit(*train)
    unpickled = pickle.loads(pickle.dumps(synthesizer))
    with pytest.raises(TrainingRowsUnavailableError, match="fit it again"):
        score_privacy(unpickled, *test)
    assert score_utility(unpickled, *test) == score_utility(synthesizer, *test)


def test_number_of_synthetic_rows(table, monkeypatch):
    (X, y), test = _halves(table)
    asked = []
    decode = TableSchema.decode
    monkeypatch.setattr(TableSchema, "decode", lambda self, v, rng: asked.append(len(v)) or decode(self, v, rng))
    synthesizer = NoisyCopies(random_state=0).fit(X, y)
    score_utility(synthesizer, *test)
    assert asked == [1000]
    asked.clear()
    score_utility(synthesizer, pd.concat([test[0]] * 5), pd.concat([test[1]] * 5))
    assert asked == [1500]


def test_fidelity_without_a_target_is_that_of_the_features(table):
    train, test = _halves(table)
    features = score_fidelity(NoisyCopies(random_state=0).fit(train[0]), test[0])
    assert features > 0.75
    assert score_fidelity(NoisyCopies(random_state=0).fit(*train), test[0]) == pytest.approx(features)


def test_fidelity_of_one_column(table):
    X, _ = table
    one = X[["age"]]
    copies, noise = (NoisyCopies(noise, random_state=0).fit(one[:60]) for noise in (0.0, 20.0))
    assert score_fidelity(copies, one[60:]) > 0.7 > score_fidelity(noise, one[60:])


def test_fidelity_is_the_index_of_its_parts(table):
    train, (X, y) = _halves(table)
    synthesizer = NoisyCopies(noise=0.5, random_state=0).fit(*train)
    real = X.reset_index(drop=True).assign(outcome=y.to_numpy())
    rows, labels = synthesizer.sample(1000, random_state=0)
    synthetic = rows.assign(outcome=labels)
    parts = (
        jensen_shannon(real, synthetic).mean,
        association_difference(real, synthetic).mean,
        detection_auc(real, synthetic, random_state=0).auc,
    )
    assert score_fidelity(synthesizer, X, y) == pytest.approx(global_fidelity_index(*parts))
    few = score_fidelity(synthesizer, X[:9], y[:9])
    parts = (jensen_shannon(real[:9], synthetic).mean, association_difference(real[:9], synthetic).mean)
    assert few == pytest.approx(global_fidelity_index(*parts, float("nan")))


@pytest.mark.parametrize("attack", ["distance", "density_ratio"])
def test_every_attack_finds_copies(table, attack):
    train, test = _halves(table)
    synthesizer = NoisyCopies(random_state=0).fit(*train)
    assert make_privacy_scorer(attack=attack)(synthesizer, *test) < 0.05


@pytest.mark.parametrize("scorer", [score_utility, score_privacy, score_fidelity])
def test_a_pipeline_is_no_synthesizer(table, scorer):
    X, y = table
    pipeline = Pipeline([("synthesizer", NoisyCopies()), ("model", KNeighborsClassifier())])
    numbers = X[["age", "dose"]]
    with pytest.raises(TypeError, match="a Pipeline has no sample: score the synthesizer itself"):
        scorer(pipeline.fit(numbers, y), numbers, y)
    with pytest.raises(TypeError, match="synthesizer of skgensynth, got a KernelDensity"):
        scorer(KernelDensity().fit(numbers), numbers, y)


def test_other_learners_and_figures(table):
    train, test = _halves(table)
    synthesizer = NoisyCopies(noise=0.3, random_state=0).fit(*train)
    near = {"near": KNeighborsClassifier()}
    assert make_utility_scorer()(synthesizer, *test) == score_utility(synthesizer, *test)
    scores = {
        metric: make_utility_scorer(learners=near, metric=metric)(synthesizer, *test)
        for metric in ("macro_f1", "weighted_f1", "auc", "accuracy", "balanced_accuracy")
    }
    assert len(set(scores.values())) == 5
    assert all(0.6 < score < 1 for score in scores.values())
    assert make_utility_scorer(learners=near)(synthesizer, *test) == scores["macro_f1"]
    assert make_utility_scorer(learners=["svm"])(synthesizer, *test) > 0.6


def test_figures_of_a_continuous_target(table):
    X, _ = table
    X, y = X[["age"]], X["dose"]
    synthesizer = NoisyCopies(random_state=0).fit(X[:60], y[:60])
    mean = {"mean": DummyRegressor()}
    test = X[60:], y[60:]
    assert make_utility_scorer(learners=mean, metric="r2")(synthesizer, *test) <= 0
    rmse = -make_utility_scorer(learners=mean, metric="neg_rmse")(synthesizer, *test)
    assert rmse == pytest.approx(y[60:].std(), rel=0.1)
    in_grams = NoisyCopies(random_state=0).fit(X[:60], 1000 * y[:60])
    scorer = make_utility_scorer(learners=mean, metric="neg_rmse")
    assert scorer(in_grams, X[60:], 1000 * y[60:]) == pytest.approx(-1000 * rmse)


def test_the_number_of_rows_and_the_seed_can_be_chosen(table, monkeypatch):
    train, test = _halves(table)
    synthesizer = NoisyCopies(noise=0.3, random_state=0).fit(*train)
    asked = []
    decode = TableSchema.decode
    monkeypatch.setattr(TableSchema, "decode", lambda self, v, rng: asked.append(len(v)) or decode(self, v, rng))
    make_utility_scorer(learners=["linear"], n_rows=77)(synthesizer, *test)
    make_privacy_scorer(n_rows=88)(synthesizer, *test)
    assert asked == [77, 60, 88]  # the training rows are decoded as well
    for make in (make_utility_scorer, make_privacy_scorer):
        scores = [make(n_rows=50, random_state=seed)(synthesizer, *test) for seed in (0, 0, 1)]
        assert scores[0] == scores[1] != scores[2]


def test_a_loaded_synthesizer_is_scored_with_its_training_rows_at_hand(table):
    (X, y), test = _halves(table)
    synthesizer = NoisyCopies(noise=0.5, random_state=0).fit(X, y)
    unpickled = pickle.loads(pickle.dumps(synthesizer))
    with pytest.raises(TrainingRowsUnavailableError, match=r"make_privacy_scorer\(reference=\(X_train, y_train\)\)"):
        score_privacy(unpickled, *test)
    expected = score_privacy(synthesizer, *test)
    assert make_privacy_scorer(reference=(X, y))(unpickled, *test) == pytest.approx(expected, abs=1e-6)
    features = make_privacy_scorer(reference=X)(unpickled, *test)
    assert features == pytest.approx(score_privacy(synthesizer, test[0]), abs=1e-6)
    assert features != expected
    with pytest.raises(ValueError, match="feature names"):
        make_privacy_scorer(reference=X.assign(extra=1))(unpickled, *test)


def test_bad_settings_are_named(table):
    (X, y), test = _halves(table)
    with pytest.raises(ValueError, match=r"metric must be None or one of .* got 'rmse'"):
        make_utility_scorer(metric="rmse")
    with pytest.raises(ValueError, match=r"learners must be some of .* got \['mlp'\]"):
        make_utility_scorer(learners=["mlp"])
    with pytest.raises(ValueError, match=r"attack must be one of .*'distance'.* got 'guess'"):
        make_privacy_scorer(attack="guess")
    for make in (make_utility_scorer, make_privacy_scorer):
        with pytest.raises(ValueError, match="n_rows must be at least 1 or None, got 0"):
            make(n_rows=0)
    synthesizer = NoisyCopies(random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="metric 'r2' does not suit the categorical target 'outcome'"):
        make_utility_scorer(metric="r2")(synthesizer, *test)
    with pytest.raises(ValueError, match="metric 'auc' does not suit the continuous target 'dose'"):
        make_utility_scorer(metric="auc")(NoisyCopies().fit(X[["age"]], X["dose"]), X[["age"]], X["dose"])
    with pytest.raises(ValueError, match="'near' is a KNeighborsRegressor, which does no classification"):
        make_utility_scorer(learners={"near": KNeighborsRegressor()})(synthesizer, *test)


def test_made_scorers_say_what_they_are_and_can_be_pickled(table):
    train, test = _halves(table)
    synthesizer = NoisyCopies(noise=0.3, random_state=0).fit(*train)
    scorer = make_utility_scorer(learners={"near": KNeighborsClassifier()}, metric="auc")
    assert "KNeighborsClassifier()" in repr(scorer)
    assert pickle.loads(pickle.dumps(scorer))(synthesizer, *test) == scorer(synthesizer, *test)
    assert "reference" not in repr(make_privacy_scorer(reference=train))


SCORING = {"utility": score_utility, "privacy": score_privacy}
MADE = {
    "utility": make_utility_scorer(learners={"near": KNeighborsClassifier()}, metric="auc"),
    "privacy": make_privacy_scorer(attack="density_ratio", n_rows=200),
    "fidelity": score_fidelity,
}


def test_cross_validate_with_one_scorer_and_with_both(table):
    X, y = table
    alone = cross_validate(NoisyCopies(0.3, random_state=0), X, y, cv=3, scoring=score_utility, error_score="raise")
    both = cross_validate(NoisyCopies(0.3, random_state=0), X, y, cv=3, scoring=SCORING, error_score="raise")
    np.testing.assert_array_equal(alone["test_score"], both["test_utility"])
    assert np.isfinite(both["test_privacy"]).all()


def test_grid_search_trades_utility_for_privacy_with_two_workers(table):
    X, y = table
    results = []
    for n_jobs in (1, 2):
        search = GridSearchCV(
            NoisyCopies(random_state=0),
            {"noise": [0.0, 20.0]},
            scoring=SCORING,
            refit="utility",
            cv=2,
            n_jobs=n_jobs,
            error_score="raise",
        ).fit(X, y)
        assert search.best_params_ == {"noise": 0.0}
        utility, privacy = search.cv_results_["mean_test_utility"], search.cv_results_["mean_test_privacy"]
        assert utility[0] > utility[1]
        assert privacy[0] < privacy[1]
        results.append((utility.tolist(), privacy.tolist()))
    assert results[0] == results[1]


def test_a_cheap_synthesizer_is_searched_with_two_workers(table):
    X, y = table
    search = GridSearchCV(
        MarginalsSynthesizer(random_state=0),
        {"copies": ["refuse", "allow"]},
        scoring=MADE,
        refit="utility",
        cv=2,
        n_jobs=2,
        error_score="raise",
    ).fit(X, y)
    results = search.cv_results_
    assert (results["mean_test_utility"] < 0.75).all()  # independent columns teach nothing
    assert (results["mean_test_privacy"] > 0.7).all()
    assert (results["mean_test_fidelity"] > 0.7).all()


@pytest.mark.parametrize("scorer", [score_utility, score_privacy])
def test_halving_search(table, scorer):
    X, y = table
    search = HalvingGridSearchCV(
        NoisyCopies(random_state=0),
        {"noise": [0.0, 20.0]},
        scoring=scorer,
        cv=2,
        min_resources=40,
        random_state=0,
        n_jobs=2,
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_ == {"noise": 0.0 if scorer is score_utility else 20.0}
