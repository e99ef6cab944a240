"""Command: ``python -m validation.accuracy`` writes docs/accuracy.md and its table; ``--check`` compares instead."""

import sys

from validation.accuracy.table import main

if __name__ == "__main__":
    sys.exit(main())
