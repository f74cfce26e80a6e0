"""Where `mailkeep` begins: the home folder first, then Django, then the commands, which import rows."""

from __future__ import annotations

import importlib
import os

from mailkeep.host import home


def main() -> None:
    """Run the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailkeep.settings")
    home.prepare()
    importlib.import_module("django").setup()  # the models that the commands import need configured settings
    importlib.import_module("mailkeep.cli.app").app()
