"""One evaluation of a synthetic table: as figures, as words, and as one HTML page."""

from skgensynth.report.cautions import Caution
from skgensynth.report.evaluation import evaluate
from skgensynth.report.figures import Figure
from skgensynth.report.page import Origin
from skgensynth.report.quality import QualityReport
from skgensynth.report.results import FidelityFigures, PrivacyFigures, UtilityFigures
from skgensynth.report.verdicts import Verdict

__all__ = [
    "Caution",
    "FidelityFigures",
    "Figure",
    "Origin",
    "PrivacyFigures",
    "QualityReport",
    "UtilityFigures",
    "Verdict",
    "evaluate",
]
