"""Progress on a terminal, with rate and time left; nothing at all for scripts and pipes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mailkeep.cli.output import SCREEN, Output
from mailkeep.progress import Report, silent


@contextmanager
def shown_progress(out: Output) -> Iterator[Report]:
    if out.json_wanted or not sys.stderr.isatty():
        yield silent
        return
    with importlib.import_module(SCREEN).bar() as report:
        yield report
