"""All layers of a trace at once: for people, a table; for programs, JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from moecusp._arguments import ParameterError
from moecusp.metrics.layers import LayerMetrics, layer_metrics, pooled
from moecusp.trace import RoutingTrace

SCHEMA_VERSION = 1
_COLUMNS = (  # heading, of all tokens or of batches, metric
    ("max_vio", "values", "max_vio"),
    ("a batch", "batchwise", "max_vio"),
    ("min_vio", "values", "min_vio"),
    ("effective", "values", "effective_experts"),
    ("dead", "values", "dead_relative"),
    ("dropped", "values", "drop_rate"),
    ("balance loss", "values", "balance_loss"),
)


def summary(trace: RoutingTrace) -> dict[str, Any]:
    """Return the metrics of every site as plain objects: what ``moecusp load TRACE --json`` prints.

    Parameters
    ----------
    trace : RoutingTrace
        The trace.

    Returns
    -------
    dict
        schema_version; sites, in the order of the model, each with its name, place and size, batches, tokens, spread,
        values, batchwise (`LayerMetrics`) and load_share; notes; pooled, for comparison only, None if it cannot be
        taken. What is no number is None.

    Raises
    ------
    ParameterError
        If it is no trace.
    """
    if not isinstance(trace, RoutingTrace):
        raise ParameterError("trace", trace, "a RoutingTrace")
    try:
        together = asdict(pooled(trace))
    except ParameterError:  # sizes differ, or there are no scores
        together = None
    sites = [_site(layer_metrics(record)) for record in trace]
    return {"schema_version": SCHEMA_VERSION, "sites": sites, "pooled": together, "notes": list(trace.notes)}


def table(trace: RoutingTrace) -> str:
    """Return the metrics of every site as text, one line each: what ``moecusp load TRACE`` prints.

    Parameters
    ----------
    trace : RoutingTrace
        The trace.

    Returns
    -------
    str
        A heading, the sites in the order of the model, and notes; a dash where something was not recorded.

    Raises
    ------
    ParameterError
        If it is no trace.

    Examples
    --------
    >>> from moecusp.metrics import table
    >>> from moecusp.trace import RoutingTrace, Site, SiteTrace
    >>> print(table(RoutingTrace([SiteTrace(Site("mlp", 0, experts=4, k=1), [[70, 10, 10, 10]], [100])])))
    site  experts  k  tokens  max_vio  a batch  min_vio  effective  dead  dropped  balance loss  spread
    mlp         4  1     100      1.8      1.8     -0.6      1.923     0        0             -  spread
    """
    content = summary(trace)
    rows = [["site", "experts", "k", "tokens", *(heading for heading, *_ in _COLUMNS), "spread"]]
    for site in content["sites"]:
        numbers = [_number(site[kind].get(name)) for _, kind, name in _COLUMNS]
        name = site["name"] if len(site["name"]) <= 40 else "..." + site["name"][-37:]
        rows.append([name, str(site["experts"]), str(site["k"]), str(site["tokens"]), *numbers, site["spread"]])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, *(f"note: {note}" for note in content["notes"])])


def _site(found: LayerMetrics) -> dict[str, Any]:
    site, record = found.record.site, found.record
    return {
        **{key: getattr(site, key) for key in ("name", "layer", "role", "stack", "experts", "k")},
        "batches": record.batches,
        "tokens": int(record.tokens.sum()),
        "spread": found.spread.value,
        "values": _finite(found.values),
        "batchwise": _finite(found.batchwise),
        "load_share": [_or_none(value) for value in found.load_share.tolist()],
    }


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _or_none(value) for name, value in values.items()}


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _aligned(row: list[str], widths: list[int]) -> list[str]:
    """Text to the left, numbers to the right."""
    ends = 0, len(row) - 1
    return [
        cell.ljust(width) if i in ends else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
