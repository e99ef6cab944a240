"""A diagnosis for programs: plain objects that fit a schema."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from moecusp.diagnosis.advice import Advice, Aim, advise
from moecusp.diagnosis.definitions import DEFINITIONS
from moecusp.diagnosis.layers import LayerDiagnosis
from moecusp.diagnosis.loads import DEAD_WORDS
from moecusp.diagnosis.pair import Pair
from moecusp.diagnosis.pictures import label
from moecusp.diagnosis.quantities import CONFIDENCE, Quantity
from moecusp.diagnosis.snapshot import Diagnosis
from moecusp.report.provenance import Provenance

SCHEMA_VERSION = 1


def schema() -> dict[str, Any]:
    """Return the JSON schema of a diagnosis."""
    loaded: dict[str, Any] = json.loads(
        files("moecusp.diagnosis").joinpath("schema.json").read_text(encoding="utf-8")
    )  # fmt: skip
    return loaded


def as_json(found: Diagnosis, provenance: Provenance, aim: Aim | None = None) -> dict[str, Any]:
    """Return a diagnosis as plain objects, as `schema` describes them.

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
    dict
        What ``moecusp report --json`` writes. An end of an interval that is null beside one that is a number is
        infinite.
    """
    content = {
        "generator": "moecusp",
        "schema_version": SCHEMA_VERSION,
        "headline": found.headline,
        "standing": found.standing.value,
        "status": found.status,
        "parameters": {
            "feedback_per_decay": found.feedback,
            "noise": found.noise,
            "tokens": found.tokens,
            "confidence": CONFIDENCE,
        },
        "source": dict(found.trace.source),
        "notes": list(found.trace.notes),
        "layers": [_layer(each, advise(each, aim)) for each in found.layers],
        "unknowable": list(found.unknowable),
        "definitions": {key: asdict(each) for key, each in DEFINITIONS.items()},
        "provenance": asdict(provenance),
    }
    plain: dict[str, Any] = _plain(content)
    return plain


def quantities(found: LayerDiagnosis) -> dict[str, Quantity]:
    """Return the numbers of a layer that have one value, by the keys of their definitions."""
    loads, coupling, pair = found.loads, found.coupling, found.pair
    each = [
        loads.max_violation, loads.batch_violation, loads.floor, loads.ratio, loads.dispersion,
        coupling.largest, coupling.critical, coupling.safe_rate, coupling.soft, found.gain, found.update_rate,
        found.switching.tie_density,
    ]  # fmt: skip
    if isinstance(pair, Pair):
        each += [pair.share, pair.imbalance, pair.critical, pair.least_fold]
    else:
        names = ("pair_share", "pair_imbalance", "pair_critical", "pair_fold")
        each += [Quantity(name, reason=pair) for name in names]
    return {quantity.definition: quantity for quantity in each}


def _layer(found: LayerDiagnosis, advice: Sequence[Advice]) -> dict[str, Any]:
    site, loads, coupling, pair = found.site, found.loads, found.coupling, found.pair
    return {
        **{key: getattr(site, key) for key in ("name", "layer", "role", "stack", "layout", "experts", "k")},
        "label": label(found),
        "batches": found.batches,
        "tokens": found.tokens,
        "standing": found.standing.value,
        "because": list(found.because),
        "rule": found.rule or None,
        "scores": found.token_words,
        "quantities": {key: _quantity(each) for key, each in quantities(found).items()},
        "loads": {
            "relative": loads.relative,
            "low": loads.low,
            "high": loads.high,
            "reason": loads.interval_reason,
        },
        "dead": [{"definition": name, "says": DEAD_WORDS[name], **_quantity(each)} for name, each in loads.dead],
        "dead_experts": list(loads.dead_experts),
        "dead_reason": loads.dead_reason,
        "trade": None if coupling.trade is None else asdict(coupling.trade),
        "trade_reason": coupling.trade_reason,
        "masses": [{"width": width, **_quantity(each)} for width, each in found.switching.masses],
        "flips": [
            {"change": each.change, "predicted": _quantity(each.predicted), "counted": _quantity(each.counted)}
            for each in found.switching.flips
        ],
        "pair": None if isinstance(pair, str) else {"experts": pair.experts, "folds": pair.folds},
        "pair_reason": pair if isinstance(pair, str) else "",
        "ladder": (
            None if found.ladder is None else dict(zip(("fold", "equal_depth", "balance"), found.ladder, strict=True))
        ),
        "metrics": {"values": dict(found.metrics.values), "batchwise": dict(found.metrics.batchwise)},
        "advice": [asdict(each) for each in advice],
    }


def _quantity(found: Quantity) -> dict[str, Any]:
    return {key: getattr(found, key) for key in ("value", "low", "high", "reason", "note", "confidence")}


def _plain(value: Any) -> Any:
    """Return lists, dicts and numbers of JSON; what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
