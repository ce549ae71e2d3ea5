"""`python -m safegrid`: the command line."""

from safegrid.cli.main import main

main()
