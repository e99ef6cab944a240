"""Whether a balance loss is in the training loss, and whether its gradient reaches every router."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn

from moecusp.routing.findings import INFINITE, WHOLE, Finding, State
from moecusp.routing.sites import Place
from moecusp.routing.trial import SWITCH, Trial, checkpointing, coefficients, configurations, cut

CHECKPOINTING: Mapping[str, bool | None] = MappingProxyType({"off": None, "on": False, "reentrant": True})
_CHECKS = {"off": "gradient", "on": "gradient, checkpointed", "reentrant": "gradient, reentrant"}
TURN_ON = f"model.config.{SWITCH} = True"
ADD = "balance it by a selection bias, or add a balance loss of its logits to the loss yourself"
NOT_REENTRANT = 'checkpoint with {"use_reentrant": False}: what reentrant checkpointing records carries no gradient'
BROKEN = "its router takes no part in the balance loss: watch its load (RoutingMonitor), or add a term for it"
_ROUTER = re.compile(r"(^|\.)(router|gate|router_gate)\.")
LOSSLESS = "this class computes no training loss: examine the one with a head, such as ...ForCausalLM"


@dataclass(frozen=True)
class _Term:
    """What the loss does when the coefficient of its balance loss goes from 0 to 1."""

    rise: float  # as the model is configured
    forced: float  # with the balance loss computed whatever the configuration says
    error: str  # what that raised


def balancing(trial: Trial, found: list[Place], planned: str) -> list[Finding]:
    """Say whether the loss has a balance term, and which routers its gradient reaches under which checkpointing."""
    with trial.mode(training=True), torch.no_grad():
        with trial.switched(on=False):
            loss = trial.loss()
        if loss is None:
            return [Finding("balance loss", WHOLE, State.NONE, LOSSLESS)]
        if not bool(loss.isfinite()):
            return [Finding("balance loss", WHOLE, State.FAIL, f"the training loss is {float(loss)}", INFINITE)]
        term = _term(trial)
    findings = [_on(trial.model, found, term)]
    if not term.forced:
        return findings
    now = _current(trial.model) if planned == "all" else planned
    for way in CHECKPOINTING:
        if planned in ("all", way):
            findings += _reached(trial, found, way, State.FAIL if way == now and term.rise else State.WARN)
    return findings


def _term(trial: Trial) -> _Term:
    try:
        rise = _rise(trial)
        with trial.switched(on=True):
            return _Term(rise, _rise(trial), "")
    except Exception as error:
        return _Term(0.0, 0.0, f"{type(error).__name__}: {error}")


def _rise(trial: Trial) -> float:
    if not coefficients(trial.model):
        return 0.0
    losses = []
    for value in (0.0, 1.0):
        with trial.coefficient(value):
            loss = trial.loss()
            losses.append(float("nan") if loss is None else float(loss))
    return losses[1] - losses[0]


def _on(model: nn.Module, found: list[Place], term: _Term) -> Finding:
    """Judge the term as configured."""
    held = coefficients(model)
    value = float(vars(held[0][0])[held[0][1]]) if held else 0.0
    switched = any(getattr(config, SWITCH, False) for config in configurations(model))
    biased = all(place.bias is not None for place in found)
    if term.rise and value:
        reason = f"on: {held[0][1]} = {value:g} times {term.rise:.3g}, the layers pooled, so that they may cancel"
        return Finding("balance loss", WHOLE, State.OK, reason, "watch each layer: moecusp.routing.RoutingMonitor")
    if term.rise:
        return Finding("balance loss", WHOLE, State.WARN, f"computed, and {held[0][1]} = 0", f"{held[0][1]} = 0.001")
    if term.error:
        reason = f"off, and {SWITCH} = True raises {' '.join(term.error.split())[:80]}"
        return Finding("balance loss", WHOLE, State.FAIL if switched else State.WARN, reason, ADD)
    if term.forced:
        reason = f"off: {SWITCH} is {switched}, so that {held[0][1]} = {value:g} has no effect"
        remedy = TURN_ON if not switched else f"call the model with {SWITCH}=True: it does not read its configuration"
        return Finding("balance loss", WHOLE, State.WARN, reason, remedy)
    what = f", whatever {held[0][1]} = {value:g} says" if held else ""
    if biased:
        return Finding("balance loss", WHOLE, State.NONE, f"this class has none{what}; it has a selection bias")
    return Finding("balance loss", WHOLE, State.WARN, f"this class adds none to its loss{what}", ADD)


def _current(model: nn.Module) -> str:
    """Return how the model is set to checkpoint its layers."""
    ways = [
        getattr(getattr(module, "_gradient_checkpointing_func", None), "keywords", {}).get("use_reentrant", False)
        for module in checkpointing(model)
        if module.gradient_checkpointing
    ]
    return "off" if not ways else "reentrant" if any(ways) else "on"


def _reached(trial: Trial, found: list[Place], way: str, worst: State) -> list[Finding]:
    """Say of each router whether its parameters get a gradient when the coefficient goes from 0 to 1."""
    check = _CHECKS[way]
    if way != "off" and not checkpointing(trial.model):
        return [Finding(check, WHOLE, State.NONE, "this class does not checkpoint")]
    parameters = {place.name: _parameters(place) for place in found}
    with trial.mode(training=True), trial.switched(on=True), trial.checkpointed(CHECKPOINTING[way]), cut(found):
        without, with_loss = (_gradients(trial, parameters, value) for value in (0.0, 1.0))
    findings = []
    for place in found:
        owned = parameters[place.name]
        pairs = list(zip(owned, without[place.name], with_loss[place.name], strict=True))
        if not owned:
            finding = Finding(check, place.name, State.NONE, "no module that scores the experts was found")
        elif not any(each.requires_grad for each in owned):
            finding = Finding(check, place.name, State.WARN, "frozen: its router's parameters require no gradient")
        elif any(float((on - off).norm()) > torch.finfo(each.dtype).eps * float(off.norm()) for each, off, on in pairs):
            finding = Finding(check, place.name, State.OK, "the balance loss reaches its router")
        else:
            remedy = NOT_REENTRANT if way == "reentrant" else BROKEN
            finding = Finding(check, place.name, worst, "the balance loss does not reach its router", remedy)
        findings.append(finding)
    return findings


def _parameters(place: Place) -> list[nn.Parameter]:
    """Return the parameters that score the experts: of the router, or of the part of a module that is called so."""
    if place.reader is None:
        return [] if place.router is None else list(place.router.parameters())
    named = dict(place.module.named_parameters())
    own = [each for name, each in named.items() if _ROUTER.search(name)]
    return own or list(named.values())


def _gradients(trial: Trial, parameters: Mapping[str, list[nn.Parameter]], value: float) -> dict[str, list[Tensor]]:
    """Return the gradients of the loss with this coefficient, by place."""
    wanted = [each for owned in parameters.values() for each in owned if each.requires_grad]
    with trial.only(wanted), trial.coefficient(value):
        loss = trial.loss()
        if loss is not None and loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
        return {
            name: [torch.zeros_like(each) if each.grad is None else each.grad for each in owned]
            for name, owned in parameters.items()
        }
