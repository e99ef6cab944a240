"""``moecusp locate``: where a softmax router sits relative to collapse."""

from __future__ import annotations

from collections.abc import Iterator

import click

import moecusp as mc


@click.command()
@click.option("--feedback", type=float, required=True, help="Feedback κ > 0 (score/time).")
@click.option("--decay", type=float, default=1.0, show_default=True, help="Decay rate μ > 0 (1/time).")
@click.option(
    "--inverse-temperature", type=float, default=1.0, show_default=True, help="Inverse temperature β > 0 (1/score)."
)
@click.option(
    "--asymmetry", type=float, default=0.0, show_default=True, help="Asymmetry h = h₁ − h₂ (score/time), two experts."
)
@click.option("--experts", type=int, default=2, show_default=True, help="Number of experts K >= 2.")
def locate(feedback: float, decay: float, inverse_temperature: float, asymmetry: float, experts: int) -> None:
    """Say where a softmax router sits relative to collapse."""
    if experts != 2 and asymmetry:
        raise mc.ParameterError("asymmetry", asymmetry, "0 with more than two experts")
    router = mc.RouterParameters(feedback, decay, inverse_temperature, asymmetry, experts)
    click.echo("\n".join([*_of_any(router), *(_of_two(router) if experts == 2 else _of_many(experts))]))


def _of_any(router: mc.RouterParameters) -> Iterator[str]:
    yield f"critical feedback  {router.critical_feedback:.10g}"
    yield f"gain               {router.gain:.10g}  (1 is critical)"


def _of_two(router: mc.RouterParameters) -> Iterator[str]:
    yield f"reduced asymmetry  {router.reduced_asymmetry:.10g}"
    yield f"regime             {router.regime().name}"
    fold = router.folds()
    yield f"folds at h         {'none' if fold != fold else f'±{fold:.10g}'}"
    found = router.equilibria()
    for load, stability in zip(found.load, found.stability, strict=True):
        if stability != mc.Stability.ABSENT:
            yield f"load of expert 1   {load:.10g}  ({mc.Stability(stability).name.lower()})"


def _of_many(experts: int) -> Iterator[str]:
    yield f"fold gain          {mc.expert_fold_gain(experts):.10g}  (from here on one expert can hold the load)"
