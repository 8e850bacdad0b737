"""Shares with intervals, and the risk that remains when chance is taken off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skgensynth.metrics._intervals import Z95, wilson_interval


@dataclass(frozen=True)
class Rate:
    """A share of attempts that succeeded.

    Attributes
    ----------
    share : float
        Successes divided by attempts, in [0, 1]; NaN if there was no attempt.
    interval : tuple of two floats
        95 % interval (Wilson, Probable inference, 1927), in [0, 1].
    n : float
        Attempts that the interval rests on; fewer than were made where several say the same.
    """

    share: float
    interval: tuple[float, float]
    n: float

    @classmethod
    def of(cls, share, n) -> Rate:
        """Rate of a share among `n` attempts."""
        if n == 0:
            return cls(float("nan"), (0.0, 1.0), 0)
        low, high = wilson_interval(share * n, n)
        # Rounding must not put the share outside.
        return cls(float(share), (min(low, float(share)), max(high, float(share))), n)

    @classmethod
    def mean(cls, successes) -> Rate:
        """Rate of an array of successes, each between 0 and 1."""
        return cls.of(np.mean(successes) if len(successes) else 0.0, len(successes))


@dataclass(frozen=True)
class RiskResult:
    """How much better an attack does on training rows than on rows that the synthesizer never saw.

    Attributes
    ----------
    risk : float
        What remains of the success when chance is taken off: 1 means that every training row is exposed; 0 is ideal,
        and less than 0 is chance. 0 if the attack always succeeds on held-out rows; NaN if there was none.
    interval : tuple of two floats
        95 % interval of ``risk``; a leak is shown where it lies above 0.
    main : Rate
        Success on training rows.
    control : Rate
        Success on held-out rows, which the synthetic table can only give away because it describes the population.
    baseline : Rate or None
        Success on training rows without looking closely at the synthetic table; where ``main`` is no better, the attack
        is too weak to show anything. None where there is no such attack.
    """

    risk: float
    interval: tuple[float, float]
    main: Rate
    control: Rate
    baseline: Rate | None = None

    @classmethod
    def relative(cls, main: Rate, control: Rate, baseline: Rate | None = None) -> RiskResult:
        """Risk as the share of failures on held-out rows that turn into successes on training rows.

        Interval of the ratio of failures on the logarithmic scale (Katz et al., Obtaining confidence intervals for the
        risk ratio in cohort studies, 1978), with one half added to failures and to successes.
        """
        failures, counts = np.array([[(1 - rate.share) * rate.n + 0.5, rate.n + 1] for rate in (main, control)]).T
        logarithm = np.log(failures / counts)
        half = Z95 * np.sqrt(np.sum(1 / failures - 1 / counts))
        low, high = 1 - np.exp(logarithm[0] - logarithm[1] + np.array([half, -half]))
        risk = (main.share - control.share) / (1 - control.share) if control.share < 1 else 0.0
        return cls(float(risk), (float(min(low, risk)), float(max(high, risk))), main, control, baseline)

    @classmethod
    def difference(cls, main: Rate, control: Rate, baseline: Rate | None = None) -> RiskResult:
        """Risk as the difference of the two rates.

        Interval from those of the rates (Newcombe, Interval estimation for the difference between independent
        proportions, 1998).
        """
        risk = main.share - control.share
        if np.isnan(risk):
            return cls(risk, (-1.0, 1.0), main, control, baseline)
        low = risk - np.hypot(main.share - main.interval[0], control.interval[1] - control.share)
        high = risk + np.hypot(main.interval[1] - main.share, control.share - control.interval[0])
        return cls(risk, (float(low), float(high)), main, control, baseline)
