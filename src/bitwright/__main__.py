"""`python -m bitwright`: the command line."""

from bitwright.cli import main

main()
