"""`python -m glasma.cli` is the command `glasma`."""

from glasma.cli import main

main()
