"""Command line: ``python -m validation.benchmarks`` prints the table of ratios, medians, and the hardware."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import numpy as np

from validation.benchmarks import equilibria


def hardware() -> str:
    """Return the processor and the versions that the figures belong to."""
    models = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    name = models[0] if models else platform.processor() or platform.machine()
    return f"{name}, {len(models) or '?'} cores; Python {platform.python_version()}, NumPy {np.__version__}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def main() -> int:
    """Print the table."""
    print(hardware())
    print("medians of processor time, all threads together; wall time where several threads or a GPU are compared")
    for line in equilibria.table():
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
