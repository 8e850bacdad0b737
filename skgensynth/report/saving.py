"""Reports as files: JSON and pages, whatever characters are in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def save_json(content: Any, path: str | Path | None) -> str:
    """Give JSON text of values that JSON has, and write it where there is a path."""
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    if path is not None:
        Path(path).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    return text


def save_page(page: str, path: str | Path) -> None:
    """Write a page of HTML."""
    Path(path).write_text(page, encoding="utf-8", errors="xmlcharrefreplace")
