"""`python -m simulator`: hands over to the command line."""

import sys

from simulator.cli import main

sys.exit(main())
