import re
import subprocess
import sys

import pytest

import skgensynth

_HEAVY = ("torch", "transformers", "peft", "xgboost", "matplotlib", "jinja2", "accelerate")


def _modules_after(statement):
    code = f"import sys; {statement}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_package_loads_nothing_but_the_standard_library():
    loaded = _modules_after("import skgensynth")
    assert not loaded & {*_HEAVY, "numpy", "pandas", "sklearn", "imblearn"}


@pytest.mark.parametrize("name", ["BaseSynthesizer", "score_utility", "DiscoTabSynthesizer", "SynLLMSynthesizer"])
def test_importing_a_public_name_loads_nothing_heavy(name):
    assert not _modules_after(f"from skgensynth import {name}") & set(_HEAVY)


def test_public_names_are_listed_and_resolve():
    assert set(skgensynth.__all__) <= set(dir(skgensynth))
    for name in skgensynth.__all__:
        assert getattr(skgensynth, name) is getattr(skgensynth, name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = skgensynth.Nonsense


def test_version_has_the_usual_form():
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", skgensynth.__version__)
