"""`python -m mailkeep.cli`."""

from mailkeep.cli.main import main

main()
