"""Comparison runs: language models, prompts and other synthesizers on several tables, side by side."""

from skgensynth.comparison.results import ComparisonReport, ComparisonRun
from skgensynth.comparison.running import ComparisonTable, compare

__all__ = ["ComparisonReport", "ComparisonRun", "ComparisonTable", "compare"]
