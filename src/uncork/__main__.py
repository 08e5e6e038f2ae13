"""`python -m uncork`: the same as the command `uncork`."""

import sys

from uncork.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
