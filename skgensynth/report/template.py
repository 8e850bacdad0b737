"""Pages that need no network: the frame and style sheet of all, a template, and what to fill in."""

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
        Its file, with the blocks "title" and "content" of ``frame.html``.
    **values
        What the template names, besides what the frame does.

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
        from jinja2 import DictLoader, Environment
        from markupsafe import Markup
    except ImportError as error:
        raise ImportError("The HTML report needs jinja2: pip install 'skgensynth[report]'.") from error

    frame, style = (_read("skgensynth.report", part) for part in ("frame.html", "page.css"))
    loader = DictLoader({"frame.html": frame})
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "svg": lambda chart: Markup(chart.svg),
        "count": "{:,}".format,
    }
    template = environment.from_string(_read(package, name))
    return template.render(style=Markup(style), version=__version__, **values)


def _read(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")
