"""The bias rule that acted while a trace was recorded: its rate, from the biases and loads of the steps."""

from __future__ import annotations

import numpy as np

from moecusp._arguments import ParameterError
from moecusp.diagnosis.quantities import Quantity
from moecusp.diagnosis.records import FEWEST
from moecusp.diagnosis.trajectory import estimate_trajectory
from moecusp.trace import SiteTrace

UNCHANGED = "the selection bias does not change in this recording"


def update_rate(record: SiteTrace) -> Quantity:
    """Return the (effective) rate r of b <- b + r (1/E - share of slots), or why it cannot be told.

    Batches of one step are taken together; the bias is that of the first of them.
    """
    name = "update_rate"
    if record.bias is None:
        return Quantity(name, reason="no selection bias was recorded")
    if np.array_equal(record.bias, np.broadcast_to(record.bias[:1], record.bias.shape)):
        return Quantity(name, reason=UNCHANGED)
    if record.steps is None:
        return Quantity(name, reason="the steps of the batches were not recorded")
    steps, first = np.unique(record.steps, return_index=True)
    if steps.size <= FEWEST:
        return Quantity(name, reason=f"{steps.size} steps; more than {FEWEST} are needed")
    apart = np.unique(np.diff(steps))
    if apart.size > 1:
        return Quantity(name, reason=f"the recorded steps lie {apart[0]} to {apart[-1]} apart")
    counts = np.add.reduceat(record.counts, first, axis=0).astype(float)
    routed = counts.sum(axis=1, keepdims=True)
    if counts.shape[1] < 2 or not routed.all():
        return Quantity(name, reason="a step has no slot that went to an expert")
    try:
        found = estimate_trajectory(record.bias[first], counts / routed, increment=1.0, every=int(apart[0]))
    except ParameterError as error:
        return Quantity(name, reason=f"the biases are no trajectory: {error}")
    rate = found.update_rate
    if not rate.known:
        return Quantity(name, reason=rate.reason)
    note = f"from biases and loads of {found.records} steps ({found.method.value})"
    return Quantity(name, rate.value, rate.low, rate.high, note=note)
