"""What a monitor says of a trace: metrics of each layer, of the worst layer and pooled, under short names."""

from __future__ import annotations

import math
from collections.abc import Sequence

from moecusp._arguments import ParameterError
from moecusp.metrics import layer_metrics, pooled
from moecusp.trace import RoutingTrace, Site

LOW_IS_WORSE = ("min_vio", "load_entropy", "effective_experts", "router_entropy", "probability_entropy")


def numbers(trace: RoutingTrace, metrics: Sequence[str]) -> dict[str, float]:
    """Return the metrics of a trace by key, the most important first: of the worst layer, pooled, of each layer."""
    layers = dict(zip(_labels([each.site for each in trace]), map(layer_metrics, trace), strict=True))
    values = {
        name: {label: found.values[name] for label, found in layers.items() if _number(found.values.get(name))}
        for name in metrics
    }
    worst = {
        f"worst/{name}": (min if name in LOW_IS_WORSE else max)(each.values()) for name, each in values.items() if each
    }
    together = {}
    if values.get("balance_loss"):
        try:
            together = {"pooled/balance_loss": pooled(trace).balance_loss}
        except ParameterError:  # sizes differ, or some have no scores
            pass
    each = {f"{label}/{name}": v for name, found in values.items() for label, v in found.items()}
    return {**worst, **together, **each}


def _number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _labels(sites: list[Site]) -> list[str]:
    """Return short names, with stack and role where these tell sites apart, and whole paths where nothing does."""
    stacks, roles = ({getattr(site, name) for site in sites} for name in ("stack", "role"))
    digits = max(2, len(str(max(site.layer for site in sites))))
    labels = [
        "_".join(
            [*([site.stack] * (len(stacks) > 1)), f"layer_{site.layer:0{digits}}", *([site.role] * (len(roles) > 1))]
        )
        for site in sites
    ]
    return [site.name if labels.count(label) > 1 else label for site, label in zip(sites, labels, strict=True)]
