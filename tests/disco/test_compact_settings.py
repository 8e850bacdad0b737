from __future__ import annotations

import pytest

from skgensynth.disco.compact import CompactPolicy
from skgensynth.disco.compact_settings import PARAMETERS, automatic_settings, check_parameters


def parameters(**changed):
    return {name: getattr(CompactPolicy(), name) for name in PARAMETERS} | changed


def test_automatic_settings_grow_with_the_table():
    few, many = automatic_settings(200), automatic_settings(100_000)

    assert few["width"] < many["width"]
    assert few["batch_size"] < many["batch_size"]
    assert few["n_epochs"] > many["n_epochs"]
    assert few["n_target_trees"] > many["n_target_trees"] == 0
    assert few["smoothing"] > many["smoothing"] > 0


@pytest.mark.parametrize("n_rows", [1, 200, 5000])
def test_automatic_settings_and_defaults_are_in_range(n_rows):
    check_parameters(parameters())
    check_parameters(parameters(**automatic_settings(n_rows)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_members": 0}, "'n_members' parameter of CompactPolicy must be an int in the range"),
        ({"n_layers": -1}, "'n_layers' parameter"),
        ({"n_bins": 2.5}, "'n_bins' parameter"),
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"n_threads": 0}, "'n_threads' parameter"),
        ({"dropout": 1.0}, "'dropout' parameter"),
        ({"weight_decay": -5}, "'weight_decay' parameter"),
        ({"smoothing": 1.5}, "'smoothing' parameter"),
        ({"target_temperature": 0}, "'target_temperature' parameter"),
        ({"n_target_trees": -1}, "'n_target_trees' parameter"),
        ({"width": 20}, "'width' parameter of CompactPolicy must be a multiple of 8 up to 32 and of 16 above. Got 20"),
        ({"width": 40}, "Got 40 instead"),
        ({"n_epochs": 1, "feature_epochs": 50}, "'feature_epochs' .* must be at most n_epochs=1. Got 50 instead"),
    ],
)
def test_what_is_out_of_range_is_named(changed, message):
    with pytest.raises(ValueError, match=message):
        check_parameters(parameters(**changed))
