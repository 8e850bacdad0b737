import numpy as np
import pytest
from common.augmented import TOY
from common.keeper import RowKeeper
from common.tables import mixed_table, number_table
from pandas.testing import assert_series_equal
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from skgensynth import AugmentedRegressor


def test_a_regressor_gets_ratio_rows_for_each_real_row():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    for ratio, n_synthetic in ((0.5, 221), (2, 884), (0.001, 0)):
        assert AugmentedRegressor(Ridge(), TOY, ratio=ratio).fit(X, y).n_synthetic_ == n_synthetic


def test_a_regressors_frame_and_target_keep_their_dtypes():
    X, _ = mixed_table()
    y = X.pop("age")
    estimator = RowKeeper()
    fitted = AugmentedRegressor(estimator, TOY).fit(X, y).estimator_
    assert_series_equal(fitted.X_.dtypes, X.dtypes)
    assert (fitted.y_.name, fitted.y_.dtype, len(fitted.y_)) == ("age", np.int16, 240)
    assert fitted.y_.between(y.min(), y.max()).all()
    assert not hasattr(estimator, "X_")


def test_a_regressors_synthetic_rows_weigh_as_the_mean():
    X, _ = number_table(50)
    weights = np.arange(1.0, 51.0)
    fitted = AugmentedRegressor(RowKeeper(), TOY).fit(X, X[:, 0], weights).estimator_
    np.testing.assert_array_equal(fitted.sample_weight_, np.r_[weights, np.full(50, 25.5)])


def test_a_regressors_parameters_are_checked_at_fit():
    X, _ = number_table(40)
    with pytest.raises(ValueError, match="'ratio' parameter of AugmentedRegressor"):
        AugmentedRegressor(Ridge(), TOY, ratio=-0.5).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="'synthesizer' parameter of AugmentedRegressor"):
        AugmentedRegressor(Ridge(), Ridge()).fit(X, X[:, 0])
