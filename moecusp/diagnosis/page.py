"""A diagnosis to read: one self-contained HTML page, and its twin in Markdown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from moecusp.diagnosis.advice import Advice, Aim, advise
from moecusp.diagnosis.content import quantities
from moecusp.diagnosis.definitions import DEFINITIONS
from moecusp.diagnosis.layers import LayerDiagnosis, Standing
from moecusp.diagnosis.loads import DEAD_WORDS
from moecusp.diagnosis.pair import Pair
from moecusp.diagnosis.pictures import KIND, label, ladder_picture, loads_picture, pair_point, plane_picture
from moecusp.diagnosis.quantities import CONFIDENCE, Quantity
from moecusp.diagnosis.snapshot import Diagnosis
from moecusp.report.document import render
from moecusp.report.provenance import Provenance

SYMBOLS = {
    Standing.COLLAPSED: "✕",
    Standing.NEAR: "!",
    Standing.UNEVEN: "≈",
    Standing.UNKNOWN: "?",
    Standing.CALM: "✓",
}
MOST_NAMED = 12  # layers of which the first part of a page tells why
COLUMNS = ("imbalance_ratio", "max_violation", "critical_feedback", "safe_rate", "tie_density")


@dataclass(frozen=True)
class Row:
    """A layer as the templates take it."""

    layer: LayerDiagnosis
    id: str
    label: str
    kind: str
    symbol: str
    quantities: dict[str, Quantity]
    advice: tuple[Advice, ...]
    picture: str

    @property
    def pair(self) -> Pair | None:
        """The most exposed pair, where it is known."""
        return None if isinstance(self.layer.pair, str) else self.layer.pair

    @property
    def pair_place(self) -> tuple[float, float] | None:
        """Gain and reduced asymmetry of the pair, where a feedback was given."""
        return None if self.pair is None else pair_point(self.layer, self.pair)


def html(found: Diagnosis, provenance: Provenance, aim: Aim | None = None) -> str:
    """Return one self-contained page: pictures inside, nothing loaded, light or dark as the reader's system is.

    Parameters
    ----------
    found : Diagnosis
        The diagnosis.
    provenance : Provenance
        Where it comes from.
    aim : Aim, optional
        What is known of the training run, for the advice.

    Returns
    -------
    str
        HTML.
    """
    return render("diagnosis.html.j2", "moecusp.diagnosis", **_values(found, provenance, aim))


def markdown(found: Diagnosis, provenance: Provenance, aim: Aim | None = None) -> str:
    """Return the same as `html` in Markdown, without the pictures.

    Parameters
    ----------
    found, provenance, aim
        As for `html`.

    Returns
    -------
    str
        Markdown.
    """
    return render("diagnosis.md.j2", "moecusp.diagnosis", **_values(found, provenance, aim))


def _values(found: Diagnosis, provenance: Provenance, aim: Aim | None) -> dict[str, Any]:
    rows = [
        Row(
            each,
            f"layer-{i}",
            label(each),
            KIND[each.standing],
            SYMBOLS[each.standing],
            quantities(each),
            advise(each, aim),
            loads_picture(each, f"loads-{i}"),
        )
        for i, each in enumerate(found.layers)
    ]
    order = list(Standing)
    loud = sorted((r for r in rows if r.kind != "good"), key=lambda r: order.index(r.layer.standing))
    return {
        "found": found,
        "tone": {1: "bad", 3: "dim"}.get(found.status, KIND[found.standing]),
        "rows": rows,
        "loud": loud[:MOST_NAMED],
        "silent": max(0, len(loud) - MOST_NAMED),
        "columns": [DEFINITIONS[key] for key in COLUMNS],
        "definitions": DEFINITIONS,
        "dead_words": DEAD_WORDS,
        "ladder": ladder_picture(found.layers, found.feedback),
        "plane": plane_picture(found.layers),
        "exposed": _exposed(rows),
        "reasons": _reasons(rows),
        "standings": [(SYMBOLS[each], KIND[each], each.value, MEANING[each]) for each in Standing],
        "percent": f"{100 * CONFIDENCE:g} %",
        "provenance": provenance,
        "shown": shown,
        "ends": ends,
        "number": number,
    }


MEANING = {
    Standing.COLLAPSED: "half of the experts, or all but k, get less than a tenth of a fair share",
    Standing.NEAR: "an expert is dead for certain, or the gain may have reached 1",
    Standing.UNEVEN: "a batch is certainly more than twice as uneven as sampling explains; no expert is surely dead",
    Standing.UNKNOWN: "too little was recorded",
    Standing.CALM: "none of these",
}


def shown(found: Quantity, percent: bool = False) -> str:
    """Return the value of a number for a reader, without its interval."""
    if found.value is None:
        return "cannot tell"
    return number(100.0 * found.value) + " %" if percent else number(found.value)


def ends(found: Quantity, percent: bool = False) -> str:
    """Return its interval, or nothing."""
    if found.low is None or found.high is None:
        return ""
    scale = 100.0 if percent else 1.0
    return f"{number(scale * found.low)} to {number(scale * found.high)}"


def number(value: float) -> str:
    """Return a number for a reader: three significant digits."""
    return f"{value:.3g}".replace("-", "−") if math.isfinite(value) else "∞"


def _exposed(rows: list[Row]) -> Row | None:
    """Return the layer of the lowest critical feedback."""
    known = [row for row in rows if row.quantities["critical_feedback"].known]
    return min(known, key=lambda row: row.quantities["critical_feedback"].value or math.inf, default=None)


def _reasons(rows: list[Row]) -> list[tuple[str, str, str]]:
    """Return what cannot be told: the number, why, and of which layers."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for key, quantity in row.quantities.items():
            if not quantity.known:
                found.setdefault((DEFINITIONS[key].name, quantity.reason), []).append(row.label)
    merged: dict[tuple[str, str], list[str]] = {}
    for (name, reason), labels in found.items():
        who = "all layers" if len(labels) == len(rows) else ", ".join(labels)
        merged.setdefault((reason, who), []).append(name)
    return [(", ".join(names), reason, who) for (reason, who), names in merged.items()]
