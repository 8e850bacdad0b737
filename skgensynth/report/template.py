"""Pages that need no network: a template, the style sheet, and what to fill in."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from skgensynth import __version__


def fill(package: str, name: str, **values: Any) -> str:
    """Fill a template of a package in; the result is a whole page.

    Parameters
    ----------
    package : str
        Package that holds the template.
    name : str
        Its file.
    **values
        What the template names, besides ``style``, the style sheet of all pages, and ``version``.

    Returns
    -------
    str
        HTML. What is filled in is escaped, but for charts.

    Raises
    ------
    ImportError
        If jinja2 is not installed.
    """
    try:
        from jinja2 import Environment
        from markupsafe import Markup
    except ImportError as error:
        raise ImportError("The HTML report needs jinja2: pip install 'skgensynth[report]'.") from error

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "svg": lambda chart: Markup(chart.svg),
        "count": "{:,}".format,
    }
    template = environment.from_string(files(package).joinpath(name).read_text(encoding="utf-8"))
    style = files("skgensynth.report").joinpath("page.css").read_text(encoding="utf-8")
    return template.render(style=Markup(style), version=__version__, **values)
