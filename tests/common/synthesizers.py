"""The synthesizers that must honour the contract, with settings that fit in a moment: add a line to add one."""

from sklearn.base import clone

from common.toy import MarginalsSynthesizer
from skgensynth import DiscoTabSynthesizer, MallmGanSynthesizer, SynLLMSynthesizer

SYNTHESIZERS = [
    MarginalsSynthesizer(random_state=0),
    # Being taught would take longer than all the rest of such a fit.
    DiscoTabSynthesizer(
        n_epochs=1, policy_params={"n_members": 2, "width": 8, "n_target_trees": 0}, feedback=None, random_state=0
    ),
    # Their language model is put in its place by `test_contract.py`.
    SynLLMSynthesizer("scripted", random_state=0),
    MallmGanSynthesizer("scripted", init="none", n_epochs=1, n_examples=25, output="csv", random_state=0),
]

# Checks of scikit-learn and imbalanced-learn that a class does not pass: {class name: {check: reason}}.
EXPECTED_FAILURES: dict[str, dict[str, str]] = {}


def keeping_rows(synthesizer):
    """A synthesizer that can make rows from a pickle, which some need training rows for."""
    parameters = {"copies": "allow", "keep_examples": True}
    return clone(synthesizer).set_params(**{name: parameters[name] for name in parameters if name in vars(synthesizer)})


def expected_failures(synthesizer):
    return EXPECTED_FAILURES.get(type(synthesizer).__name__, {})
