"""Parameters of the compact policy: what they may be, and what they are where they are left open."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, InvalidParameterError, validate_parameter_constraints

__all__ = ["PARAMETERS", "automatic_settings", "check_parameters"]

# Automatic settings: tables below so many rows take narrow networks, and trees that teach the target, and training sees
# so many rows in all.
SMALL_TABLE = 600
N_TARGET_TREES = 200
N_ROWS_SEEN = 200_000
MIN_EPOCHS, MAX_EPOCHS = 20, 80
# How far targets spread in tables of up to so many rows; less in larger ones, whose rows are safer among so many.
MAX_SMOOTHING, ROWS_FOR_MAX_SMOOTHING = 0.12, 500

_COUNT = Interval(Integral, 1, None, closed="left")
_RANGES: dict[str, list[Any]] = {
    "n_epochs": [_COUNT, None],
    "feature_epochs": [_COUNT, None],
    "n_bins": [_COUNT, None],
    "n_members": [_COUNT, None],
    "width": [_COUNT, None],
    "n_layers": [_COUNT, None],
    "batch_size": [_COUNT, None],
    "learning_rate": [Interval(Real, 0, None, closed="neither")],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "smoothing": [Interval(Real, 0, 1, closed="both"), None],
    "target_temperature": [Interval(Real, 0, None, closed="neither"), None],
    "n_target_trees": [Interval(Integral, 0, None, closed="left"), None],
    "n_threads": [_COUNT],
}
PARAMETERS = tuple(_RANGES)


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Refuse parameters of `CompactPolicy` that are out of their range.

    Raises
    ------
    ValueError
        scikit-learn's InvalidParameterError, which names the parameter and its range.
    """
    validate_parameter_constraints(_RANGES, parameters, "CompactPolicy")
    width = parameters["width"]
    # What a head gets has to be whole: see `NetworkSettings.n_heads`.
    if width is not None and width % (8 if width <= 32 else 16):
        raise InvalidParameterError(
            "The 'width' parameter of CompactPolicy must be a multiple of 8 up to 32 and of 16 above. "
            f"Got {width!r} instead."
        )
    n_epochs, feature_epochs = parameters["n_epochs"], parameters["feature_epochs"]
    if n_epochs is not None and feature_epochs is not None and feature_epochs > n_epochs:
        raise InvalidParameterError(
            f"The 'feature_epochs' parameter of CompactPolicy must be at most n_epochs={n_epochs}. "
            f"Got {feature_epochs!r} instead."
        )


def automatic_settings(n_rows: int) -> dict[str, Any]:
    """Settings for a number of training rows (ours, chosen on splits of public tables).

    Few rows want many narrow members, whose average forgets single rows, and smoother targets; more rows bear wider
    ones, and finer targets. From few rows, trees learn more of the target than networks do.
    """
    if n_rows < SMALL_TABLE:
        shape = {"n_members": 8, "width": 16, "n_layers": 1, "n_bins": 12, "n_target_trees": N_TARGET_TREES}
    else:
        shape = {"n_members": 4, "width": 32, "n_layers": 2, "n_bins": 20, "n_target_trees": 0}
    # Twice the batch for every four times the rows: larger batches are cheaper by the row.
    batch_size = int(32 * 2 ** np.clip(np.round(np.log2(max(n_rows, 1) / 700) / 2), 0, 4))
    n_epochs = int(np.clip(round(N_ROWS_SEEN / max(n_rows, 1)), MIN_EPOCHS, MAX_EPOCHS))
    smoothing = MAX_SMOOTHING * min(1.0, (ROWS_FOR_MAX_SMOOTHING / max(n_rows, 1)) ** (2 / 3))
    return {**shape, "n_epochs": n_epochs, "batch_size": batch_size, "smoothing": smoothing}
