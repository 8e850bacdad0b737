"""One evaluation of a synthetic table: as figures, as words, and as one HTML page."""

from skgensynth.report.page import Origin
from skgensynth.report.quality import QualityReport, evaluate
from skgensynth.report.verdicts import Verdict

__all__ = ["Origin", "QualityReport", "Verdict", "evaluate"]
