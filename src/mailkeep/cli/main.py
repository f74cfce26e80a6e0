"""Where `mailkeep` begins: the home folder first, then Django, then the commands, which import rows."""

from __future__ import annotations

import gc
import importlib
import os
import sys

from mailkeep.cli.output import Output
from mailkeep.errors import MailkeepError
from mailkeep.host import home


def main() -> None:
    """Run the command line."""
    gc.disable()  # until the command begins: what is imported stays, and looking through it again and again costs 0.1 s
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailkeep.settings")
    try:
        home.prepare()
    except MailkeepError as error:
        Output("--json" in sys.argv).error(error)
        sys.exit(1)
    importlib.import_module("django").setup()  # the models that the commands import need configured settings
    importlib.import_module("mailkeep.cli.app").app()
