"""When a run was called, when it collapsed, and how well that was foretold, from what was said at each report."""

from __future__ import annotations

from typing import Any

import numpy as np

from validation.storage import Arrays
from validation.trained.profiles import Collapse


def first(flags: Any) -> Any:
    """Return the first report (reports, layers, runs) at which any layer is flagged; the number of reports if none."""
    any_layer: Any = np.asarray(flags).any(axis=1)
    return np.where(any_layer.any(axis=0), any_layer.argmax(axis=0), len(any_layer))


def called(p: Collapse, seen: Arrays) -> Any:
    """Return the report at which each run is called."""
    return first(seen["low"] > p.level)


def collapsed(p: Collapse, seen: Arrays) -> Any:
    """Return the report in which each run has collapsed."""
    return first(seen["largest"] > p.collapsed)


def lead(p: Collapse, seen: Arrays) -> Any:
    """Return the time from the call of each run to its collapse, in shares of the run; below 0 without a call."""
    return (collapsed(p, seen) - called(p, seen)) / len(seen["largest"])


def forecasts(p: Collapse, seen: Arrays) -> Any:
    """Return by how much of the run the gain reaches 1 later than was forecast when it passed `forecast`; NaN if not.

    Of the layer that passes first.
    """
    reports = np.arange(1, len(seen["gain"]) + 1) * p.every
    found = []
    for which in range(seen["gain"].shape[2]):
        gain = seen["gain"][:, :, which]
        layer = int(np.nanargmax(np.where(np.isnan(gain), -1.0, gain).max(axis=0)))
        above, beyond = gain[:, layer] > p.forecast, gain[:, layer] > 1.0
        if not above.any() or not beyond.any():
            found.append(np.nan)
            continue
        at, reached = int(above.argmax()), int(beyond.argmax())
        low, high = gain[reached - 1, layer] if reached else 0.0, gain[reached, layer]
        crossing = reports[reached] - p.every * (high - 1.0) / (high - low)
        found.append((crossing - reports[at] - seen["left"][at, layer, which]) / p.steps)
    return np.array(found)
