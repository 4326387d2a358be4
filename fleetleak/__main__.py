"""`python -m fleetleak` is the command line."""

import sys

from fleetleak.cli import main

if __name__ == "__main__":
    sys.exit(main())
