"""The command ``moecusp``, also as ``python -m moecusp``; without the extra ``cli`` one line says what to install."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line ``moecusp`` and return its exit status."""
    try:
        from moecusp.cli import app, execute
    except ImportError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return execute(app, "moecusp")


if __name__ == "__main__":
    sys.exit(main())
