"""Whether the routers of a model are found, balanced by something, reached by its gradient, and obeyed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from moecusp._arguments import ParameterError, integer
from moecusp.routing.adapters import READERS, Reader
from moecusp.routing.balancing import CHECKPOINTING, balancing
from moecusp.routing.findings import WHOLE, Examination, Finding, State
from moecusp.routing.obedience import obedience
from moecusp.routing.sites import Place, places
from moecusp.routing.trial import Trial, made_up

READER = "write a reader, three lines: docs/recording.md, Own routers"
BIAS = (
    "move it after each optimizer step, for instance by rate * sign(mean load - load) with loads from "
    "moecusp.routing.record; if your training step does, hand it in: doctor(model, step=...)"
)


def doctor(
    model: nn.Module,
    inputs: Mapping[str, Any] | None = None,
    *,
    step: Callable[[], object] | None = None,
    checkpointing: str = "all",
    sites: str = "",
    readers: Mapping[str, Reader] | None = None,
    seed: int = 0,
) -> Examination:
    """Examine the routers of a model before it is trained or recorded.

    Nothing is read off names or configurations alone: the model is run, with the coefficient of its balance loss
    changed, its layers checkpointed in every way, and its experts' weights cut off from the gradient, and is left as
    it was.

    Parameters
    ----------
    model : Module
        As for `record`.
    inputs : mapping of str to object, optional
        What the model is called with. Default: random tokens, for a model of transformers.
    step : callable, optional
        Your own training step, called once to see whether selection biases move. It may change the model. Default: a
        forward and a backward pass, after which nothing is changed.
    checkpointing : {"all", "off", "on", "reentrant"}
        How the model is going to be trained: an unreached router is a failure then. By default every way is tried, and
        a failure in one that the model is not set to is a warning.
    sites, readers
        As for `record`.
    seed : int
        Of the random tokens, dropout and jitter; >= 0.

    Returns
    -------
    Examination
        Findings by check and router. ``print`` it for a table; `summary()` is plain objects; `status` is 0, 1 if there
        are warnings, 2 if something fails.

    Raises
    ------
    ParameterError
        If an argument is not as said, or inputs are needed.

    Notes
    -----
    The checks: routers found and called; its own choice is what its experts run; kind of its scores; balance loss in
    the training loss, as configured; its gradient in each router's parameters; selection bias moved by a training step.
    Gradients are taken with the experts' weights detached, so that nothing but the balance loss reaches a router.

    Examples
    --------
    >>> import torch
    >>> from moecusp.routing import doctor
    >>> class Experts(torch.nn.Module):
    ...     num_experts = 4
    ...     def forward(self, hidden_states, top_k_index, top_k_weights):
    ...         return hidden_states
    >>> ids, weights = torch.tensor([[0, 2], [2, 3], [2, 1]]), torch.ones(3, 2)
    >>> found = doctor(Experts(), {"hidden_states": torch.ones(3, 8), "top_k_index": ids, "top_k_weights": weights})
    >>> found["found"][0].reason, found.status
    ('4 experts, 2 a token, called through Experts', 0)
    """
    if not isinstance(model, nn.Module):
        raise ParameterError("model", model, "a torch.nn.Module")
    if checkpointing not in ("all", *CHECKPOINTING):
        raise ParameterError("checkpointing", checkpointing, f"one of 'all', {', '.join(map(repr, CHECKPOINTING))}")
    if step is not None and not callable(step):
        raise ParameterError("step", step, "a function without arguments")
    seed = integer("seed", seed, 0)
    name = type(model).__name__
    known = {**READERS, **(readers or {})}
    try:
        found = places(model, known, sites)
    except ParameterError as error:
        reason = " ".join(str(error).split("write a reader")[0].split()).rstrip(" ;,:")
        return Examination(name, (Finding("found", WHOLE, State.FAIL, reason, READER),))
    trial = Trial(model, made_up(model, seed) if inputs is None else inputs, seed)
    with trial.mode(training=False), trial.switched(on=False), torch.no_grad():
        try:
            trial.run()
        except Exception as error:
            given = ", ".join(trial.inputs)
            raise ParameterError(
                "inputs", given, f"such that the model runs; {type(error).__name__}: {error}"
            ) from error
    with trial.kept():
        findings = [*obedience(trial, found, readers), *balancing(trial, found, checkpointing)]
        if step is None:
            findings += _biases(lambda: _biased(places(model, known, sites)), lambda: _trained(trial))
    if step is not None:
        findings += _biases(lambda: _biased(places(model, known, sites)), step)
    return Examination(name, tuple(findings))


def _trained(trial: Trial) -> None:
    """Run forward and backward as a training step does."""
    with trial.mode(training=True), trial.only([p for p in trial.model.parameters() if p.requires_grad]):
        loss = trial.loss()
        if loss is not None and loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]


def _biased(found: list[Place]) -> dict[str, Tensor]:
    return {place.name: place.bias.detach().clone() for place in found if place.bias is not None}


def _biases(read: Callable[[], dict[str, Tensor]], step: Callable[[], object]) -> list[Finding]:
    """Say which selection biases a step moves."""
    before = read()
    if not before:
        return [Finding("bias moves", WHOLE, State.NONE, "no router has a selection bias")]
    step()
    after = read()
    findings = []
    for path, old in before.items():
        moved = float((after[path] - old).abs().max())
        if moved:
            finding = Finding("bias moves", path, State.OK, f"by up to {moved:.3g} in a training step")
        else:
            now = "" if bool(old.any()) else ", and is 0 for all experts"
            finding = Finding("bias moves", path, State.WARN, f"a training step does not move it{now}", BIAS)
        findings.append(finding)
    return findings
