"""Shares with intervals, and the risk that remains when chance is taken off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Normal quantile of a 95 % interval.
_Z = 1.959963984540054


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
        Attempts; fewer than were made where one counts for less than a whole one.
    """

    share: float
    interval: tuple[float, float]
    n: float

    @classmethod
    def of(cls, share, n) -> Rate:
        """Rate of a share among `n` attempts."""
        centre, half = _wilson(share, n)
        return cls(float(share), (max(0.0, centre - half), min(1.0, centre + half)), n)

    @classmethod
    def mean(cls, successes) -> Rate:
        """Rate of an array of successes, each between 0 and 1."""
        return cls.of(np.mean(successes) if len(successes) else np.nan, len(successes))


@dataclass(frozen=True)
class RiskResult:
    """How much better an attack does on training rows than on rows that the synthesizer never saw.

    Attributes
    ----------
    risk : float
        What remains of the success when chance is taken off: at most 1, every training row is exposed; 0 is ideal,
        and less than 0 is chance.
    interval : tuple of two floats
        95 % interval of ``risk``; a risk is proven where it lies above 0.
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
        """Risk as the share of failures on held-out rows that turn into successes on training rows."""
        (m, m_half), (c, c_half) = _wilson(main.share, main.n), _wilson(control.share, control.n)
        half = np.hypot(m_half / (1 - c), c_half * (1 - m) / (1 - c) ** 2)
        return cls._around((m - c) / (1 - c), half, main, control, baseline)

    @classmethod
    def difference(cls, main: Rate, control: Rate, baseline: Rate | None = None) -> RiskResult:
        """Risk as the difference of the two rates."""
        (m, m_half), (c, c_half) = _wilson(main.share, main.n), _wilson(control.share, control.n)
        return cls._around(m - c, np.hypot(m_half, c_half), main, control, baseline)

    @classmethod
    def _around(cls, risk, half, main, control, baseline):
        return cls(float(risk), (float(risk - half), min(1.0, float(risk + half))), main, control, baseline)


def _wilson(share, n):
    """Centre and half width of Wilson's interval."""
    if n == 0:
        return 0.5, 0.5
    centre = (share * n + _Z**2 / 2) / (n + _Z**2)
    half = _Z / (n + _Z**2) * np.sqrt(n * share * (1 - share) + _Z**2 / 4)
    return float(centre), float(half)
