"""Two traces side by side: what differs in each layer, with intervals."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from moecusp._arguments import ParameterError
from moecusp.diagnosis.content import quantities
from moecusp.diagnosis.definitions import DEFINITIONS
from moecusp.diagnosis.layers import LayerDiagnosis, Standing
from moecusp.diagnosis.page import SYMBOLS, number
from moecusp.diagnosis.pictures import KIND, label
from moecusp.diagnosis.quantities import CONFIDENCE, Quantity
from moecusp.diagnosis.snapshot import Diagnosis
from moecusp.report.document import render
from moecusp.report.provenance import Provenance

COMPARED = ("imbalance_ratio", "max_violation", "largest_response", "soft_response", "tie_density")
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Difference:
    """A number of a layer in both traces, and the second less the first.

    The interval takes the two as independent: from the ends of theirs, by the square-root rule of Zou and Donner.
    """

    definition: str
    first: Quantity
    second: Quantity
    difference: Quantity

    @property
    def changed(self) -> bool:
        """Whether the interval of the difference leaves 0 out."""
        low, high = self.difference.ends
        return low > 0.0 or high < 0.0


@dataclass(frozen=True, eq=False)
class LayerComparison:
    """One layer in both traces."""

    first: LayerDiagnosis
    second: LayerDiagnosis
    differences: tuple[Difference, ...]

    @property
    def worse(self) -> bool:
        """Whether it alarms in the second trace and did not in the first."""
        return self.second.standing.alarming and not self.first.standing.alarming


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two diagnoses, layer by layer.

    Attributes
    ----------
    first, second : Diagnosis
        The two.
    layers : tuple of LayerComparison
        The routers that both have, in the order of the second.
    left_out : tuple of (str, str)
        Routers that are not compared, and why.
    """

    first: Diagnosis
    second: Diagnosis
    layers: tuple[LayerComparison, ...]
    left_out: tuple[tuple[str, str], ...]

    @property
    def status(self) -> int:
        """Exit status: 1 if a layer alarms in the second trace that did not in the first, else 0."""
        return int(any(each.worse for each in self.layers))

    @property
    def headline(self) -> str:
        """One sentence for whoever reads one sentence."""
        worse = [each for each in self.layers if each.worse]
        better = [e for e in self.layers if e.first.standing.alarming and not e.second.standing.alarming]
        moved = sum(any(d.changed for d in each.differences) for each in self.layers)
        said = []
        if worse:
            said.append(f"{len(worse)} of {len(self.layers)} layers collapsed, or came near it, since the first")
        if better:
            said.append(f"{len(better)} recovered")
        if not said:
            said.append("No layer alarms that did not before")
        tail = "no number of any layer changed for certain" if not moved else f"numbers changed for certain in {moved}"
        return f"{', '.join(said)}; {tail}."


def compare(first: Diagnosis, second: Diagnosis) -> Comparison:
    """Compare two diagnoses, layer by layer: routers of the same name, number of experts and k.

    Parameters
    ----------
    first, second : Diagnosis
        Of two traces: two checkpoints, two texts, two precisions.

    Returns
    -------
    Comparison
        Differences with intervals, the second less the first.

    Raises
    ------
    ParameterError
        If an argument is no Diagnosis, or they have no router in common.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp.diagnosis import compare, diagnose
    >>> from moecusp.trace import RoutingTrace, Site, SiteTrace
    >>> def model(shares, seed):
    ...     counts = np.random.default_rng(seed).multinomial(1000, shares, size=40)
    ...     return RoutingTrace([SiteTrace(Site("mlp", 0, experts=4, k=1), counts, np.full(40, 1000))])
    >>> before, after = diagnose(model([0.25] * 4, 0)), diagnose(model([0.4, 0.2, 0.2, 0.2], 1))
    >>> found = compare(before, after)
    >>> [each.definition for each in found.layers[0].differences if each.changed]
    ['imbalance_ratio', 'max_violation']
    """
    for name, value in (("first", first), ("second", second)):
        if not isinstance(value, Diagnosis):
            raise ParameterError(name, value, "a Diagnosis")
    before = {each.name: each for each in first.layers}
    left_out = [(name, "in the first trace only") for name in before if name not in {e.name for e in second.layers}]
    layers = []
    for each in second.layers:
        other = before.get(each.name)
        if other is None:
            left_out.append((each.name, "in the second trace only"))
        elif (other.site.experts, other.site.k) != (each.site.experts, each.site.k):
            sizes = f"{other.site.k} of {other.site.experts} experts, then {each.site.k} of {each.site.experts}"
            left_out.append((each.name, sizes))
        else:
            layers.append(LayerComparison(other, each, _differences(other, each)))
    if not layers:
        raise ParameterError("second", [e.name for e in second.layers], "with a router of the first, and of its size")
    return Comparison(first, second, tuple(layers), tuple(left_out))


def _differences(first: LayerDiagnosis, second: LayerDiagnosis) -> tuple[Difference, ...]:
    a, b = quantities(first), quantities(second)
    return tuple(Difference(key, a[key], b[key], difference(a[key], b[key])) for key in COMPARED)


def difference(first: Quantity, second: Quantity) -> Quantity:
    """Return the second less the first, with the interval that theirs give for independent traces."""
    name = second.definition
    if first.value is None or second.value is None:
        which = "first" if first.value is None else "second"
        why = first.reason if first.value is None else second.reason
        return Quantity(name, reason=f"in the {which} trace: {why}")
    value = second.value - first.value
    if not (first.bounded and second.bounded):
        return Quantity(name, value, reason=(first if not first.bounded else second).reason)
    (al, ah), (bl, bh) = first.ends, second.ends
    down, up = math.hypot(second.value - bl, ah - first.value), math.hypot(bh - second.value, first.value - al)
    return Quantity(name, value, value - down, value + up)


def comparison_json(found: Comparison, provenance: Provenance) -> dict[str, Any]:
    """Return a comparison as plain objects: what ``moecusp compare --json`` prints."""
    return {
        "generator": "moecusp",
        "schema_version": SCHEMA_VERSION,
        "headline": found.headline,
        "status": found.status,
        "confidence": CONFIDENCE,
        "layers": [
            {
                "name": each.second.name,
                "standing": [each.first.standing.value, each.second.standing.value],
                "differences": [
                    {"definition": d.definition, "first": d.first.value, "second": d.second.value,
                     "difference": d.difference.value, "low": _finite(d.difference.low),
                     "high": _finite(d.difference.high), "reason": d.difference.reason, "changed": d.changed}
                    for d in each.differences
                ],
            }
            for each in found.layers
        ],
        "left_out": [{"name": name, "reason": reason} for name, reason in found.left_out],
        "provenance": asdict(provenance),
    }  # fmt: skip


def comparison_table(found: Comparison) -> str:
    """Return a comparison as text, a line for each layer: what ``moecusp compare`` prints."""
    names = [DEFINITIONS[key].name for key in COMPARED]
    rows = [["layer", "standing", *names]]
    for each in found.layers:
        a, b = each.first.standing, each.second.standing
        cells = ["-" if not d.difference.known else _cell(d) for d in each.differences]
        rows.append([label(each.second), a.value if a is b else f"{a.value} → {b.value}", *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"not compared: {name} ({reason})" for name, reason in found.left_out]
    count = sum(d.difference.bounded for each in found.layers for d in each.differences)
    chance = f"* the interval leaves 0 out, as {count * (1 - CONFIDENCE):.2g} of {count} would by chance"
    return "\n".join(
        [found.headline, f"Second less first, with {100 * CONFIDENCE:g} % intervals:", "", *lines, "", chance, *notes]
    )


def _cell(found: Difference) -> str:
    q = found.difference
    text = f"{q.number:+.3g}"
    return f"{text} [{q.ends[0]:.3g}, {q.ends[1]:.3g}]{'*' * found.changed}" if q.bounded else text


def comparison_html(found: Comparison, provenance: Provenance) -> str:
    """Return a comparison as one self-contained page."""
    count = sum(d.difference.bounded for each in found.layers for d in each.differences)
    rows = [
        (each, f"layer-{i}", label(each.second), *(((SYMBOLS[s], KIND[s], s.value)) for s in _both(each)))
        for i, each in enumerate(found.layers)
    ]
    return render(
        "compare.html.j2", "moecusp.diagnosis", found=found, rows=rows, columns=[DEFINITIONS[key] for key in COMPARED],
        provenance=provenance, number=number, percent=f"{100 * CONFIDENCE:g} %", count=count,
        chance=f"{count * (1 - CONFIDENCE):.2g}", definitions={key: DEFINITIONS[key] for key in COMPARED},
    )  # fmt: skip


def _both(found: LayerComparison) -> tuple[Standing, Standing]:
    return found.first.standing, found.second.standing


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
