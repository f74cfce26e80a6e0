"""Static files under addresses that change with their content, so that browsers keep them for good.

WhiteNoise serves them straight from the package: there is no collecting step, and nothing is written at run time.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage


class StaticFiles(StaticFilesStorage):
    """`{% static %}` gives `/static/web/console.css?v=1f0c…`."""

    def url(self, name: str | None) -> str:
        return f"{super().url(name)}?v={_version(name or '')}"


@functools.cache
def _version(name: str) -> str:
    found = finders.find(name)
    if not isinstance(found, str):
        raise ValueError(f"there is no static file {name}")
    return hashlib.sha256(Path(found).read_bytes()).hexdigest()[:12]
