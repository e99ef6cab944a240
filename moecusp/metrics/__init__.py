"""Metrics of routers, from traces: exact definitions, with every framework's name for them. NumPy only.

They stand apart from `moecusp.routing`, which needs torch: a trace is read and measured without it.
"""

from moecusp.metrics.definitions import DEAD, DEAD_SLOTS, METRICS, Metric
from moecusp.metrics.intervals import BatchInterval, interval, load_intervals
from moecusp.metrics.layers import FAIR_SLOTS, STREAK, LayerMetrics, Pooled, Spread, layer_metrics, pooled
from moecusp.metrics.summary import summary, table
from moecusp.metrics.sums import Sums, batch_sums

__all__ = [
    "DEAD",
    "DEAD_SLOTS",
    "FAIR_SLOTS",
    "METRICS",
    "STREAK",
    "BatchInterval",
    "LayerMetrics",
    "Metric",
    "Pooled",
    "Spread",
    "Sums",
    "batch_sums",
    "interval",
    "layer_metrics",
    "load_intervals",
    "pooled",
    "summary",
    "table",
]
