"""`python -m isitcap`."""

import sys

from isitcap.cli import main

if __name__ == "__main__":
    sys.exit(main())
