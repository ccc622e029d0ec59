"""`python -m simulator`: hands over to the command line."""

import sys

from simulator.cli import main

# The load generator's child processes import this module again.
if __name__ == "__main__":
    sys.exit(main())
