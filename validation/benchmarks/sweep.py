"""How much faster mixtures train side by side: ``python -m validation.benchmarks.sweep``.

The contenders train the same models on the same batches of digits (a test compares their losses), all terms of the loss
on, and take turns in short rounds; a ratio is the median over rounds of the ratio within a round, in processor time of
one thread, with the quartiles. Against the engine (`validation.training`):

- one by one: the same mixture written for one model, a loop over models;
- vmap: torch.func.vmap over that function of one model, and one AdamW for all.

Then what a core trains of digits a minute, and two processes against one.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import joblib
import torch
from torch import Tensor

from validation.benchmarks.__main__ import hardware
from validation.training import losses, objective
from validation.training.chunks import sweep
from validation.training.layers import Start
from validation.training.losses import Gate, Oracle
from validation.training.moe import Tiers
from validation.training.objective import Setting, Weights
from validation.training.sources import Images, draw
from validation.training.sweep import Schedule, optimiser
from validation.training.tokens import load_tokens
from validation.training.usage import Tally
from validation.training.vision import Classifier, Vision

Step = Callable[[Tensor], Tensor]
"""step(items) trains on items (models, batch) and returns the losses of the models before it."""
SCHEDULE = Schedule(steps=300, batch=32, rate=1e-2, encoder_rate=3e-3, checkpoints=1)
CHUNK = 32


def digits(dtype: torch.dtype = torch.float32) -> Images:
    """Return scikit-learn's digits."""
    tokens = load_tokens()
    return Images(tokens.train, tokens.train_labels, tokens.test, tokens.test_labels).to("cpu", dtype)


def settings(models: int) -> list[Setting]:
    """Return so many settings, each with a seed of its own and all terms of the loss on."""
    return [Setting(0.5 + n / models, 0.1, 1.0, 0.1, 0.05, seed=n) for n in range(models)]


def built(experts: int, models: int, dtype: torch.dtype) -> Classifier:
    """Return so many models of so many experts."""
    starts = [torch.Generator().manual_seed(n) for n in range(models)]
    return Vision(64, 10, Tiers.even((experts,), 16)).build(Start(starts, dtype=dtype))


def engine(experts: int, models: int, dtype: torch.dtype = torch.float32) -> Step:
    """Return a step of all models together, as the sweep takes it."""
    model, source, tally = built(experts, models, dtype), digits(dtype), Tally()
    weights = Weights.of(settings(models), dtype=dtype)
    descent = optimiser(model, SCHEDULE)

    def step(items: Tensor) -> Tensor:
        inputs, labels = source.batch(items)
        output = model(inputs, weights.temperature)
        loss = objective.loss(output, labels, weights, Oracle.BEST)
        descent.zero_grad()
        torch.autograd.backward(loss.sum())
        descent.step()
        tally.add(output.layers)
        return loss.detach()

    return step


def single(named: dict[str, Tensor], x: Tensor, labels: Tensor, weights: tuple[Tensor, ...]) -> Tensor:
    """Return the loss of one model, from its weights and a batch: written for one, without an axis of models."""
    temperature, entropy, oracle, balance, ortho = weights
    experts, outputs, width = named["mixture.experts.second"].shape
    x = torch.addmm(named["encoder.layer.bias"], x, named["encoder.layer.weight"]).relu()
    hidden = torch.addmm(named["mixture.router.first.bias"], x, named["mixture.router.first.weight"]).relu()
    logits = torch.addmm(named["mixture.router.last.bias"], hidden, named["mixture.router.last.weight"])
    scores = losses.tempered(logits, temperature)
    selection, logp = losses.select(scores, 2, Gate.RENORMALISED), scores.log_softmax(-1)
    units = torch.addmm(named["mixture.experts.first_bias"], named["mixture.experts.first"], x.T).relu()
    units = units.view(experts, width, -1)
    weighted = (units * selection.weights.T.contiguous()[:, None]).flatten(0, 1)
    second, bias = named["mixture.experts.second"], named["mixture.experts.second_bias"]
    wide = second.transpose(0, 1).reshape(outputs, -1)
    answer = torch.addmm(bias.squeeze(-1).T @ selection.weights.T, wide, weighted).T
    alone = torch.baddbmm(bias.detach(), second.detach(), units.detach())
    own = -alone.log_softmax(1).gather(1, labels.expand(experts, 1, -1)).squeeze(1).T
    total = losses.cross_entropy(answer, labels).mean()
    total = total + oracle * losses.oracle(logp, losses.target_best(own))
    total = total + balance * losses.balance(logp, selection.share) - entropy * losses.entropy(logp)
    return total + ortho * losses.overlap(named["mixture.router.last.weight"].T)


def _columns(models: int, dtype: torch.dtype) -> list[tuple[Tensor, ...]]:
    found = Weights.of(settings(models), dtype=dtype)
    columns = (found.temperature, found.entropy, found.oracle, found.balance, found.ortho)
    return [tuple(column[m] for column in columns) for m in range(models)]


def one_by_one(experts: int, models: int, dtype: torch.dtype = torch.float32) -> Step:
    """Return a step of all models, one after the other."""
    source, columns = digits(dtype), _columns(models, dtype)
    each = [
        {name: _own(tensor[m]) for name, tensor in built(experts, models, dtype).named_parameters()}
        for m in range(models)
    ]
    descents = [torch.optim.AdamW(named.values(), lr=SCHEDULE.rate, fused=True) for named in each]

    def step(items: Tensor) -> Tensor:
        found = []
        for m, descent in enumerate(descents):
            loss = single(each[m], source.train[items[m]], source.train_labels[items[m]], columns[m])
            descent.zero_grad()
            torch.autograd.backward(loss)
            descent.step()
            found.append(loss.detach())
        return torch.stack(found)

    return step


def vmapped(experts: int, models: int, dtype: torch.dtype = torch.float32) -> Step:
    """Return a step of all models by torch.func.vmap."""
    source = digits(dtype)
    columns = tuple(torch.stack(column) for column in zip(*_columns(models, dtype), strict=True))
    named = {name: _own(tensor) for name, tensor in built(experts, models, dtype).named_parameters()}
    descent = torch.optim.AdamW(named.values(), lr=SCHEDULE.rate, fused=True)
    slope = torch.func.vmap(torch.func.grad_and_value(single))

    def step(items: Tensor) -> Tensor:
        gradient, loss = slope(
            {name: tensor.detach() for name, tensor in named.items()},
            source.train[items],
            source.train_labels[items],
            columns,
        )
        for name, tensor in named.items():
            tensor.grad = gradient[name].contiguous()  # the fused optimiser takes it for as dense as the weight
        descent.step()
        found: Tensor = loss
        return found

    return step


def _own(tensor: Tensor) -> Tensor:
    return tensor.detach().clone().requires_grad_()


CONTENDERS = {"engine": engine, "one by one": one_by_one, "vmap": vmapped}
CASES = ((8, 32, 8), (16, 128, 8), (16, 32, 32))
"""Experts, batch and models."""


def rounds(experts: int, batch: int, models: int, count: int, seconds: float) -> dict[str, list[float]]:
    """Return the processor time of a step in every round, by contender; a turn lasts about so many seconds."""
    generators = [torch.Generator().manual_seed(n) for n in range(models)]
    items = draw(generators, 64, batch, digits().items)
    steps = {name: make(experts, models) for name, make in CONTENDERS.items()}
    lengths = {}
    for name, step in steps.items():
        for each in items[:5]:
            step(each)  # the first steps make what is made once
        lengths[name] = max(3, min(len(items), round(seconds / _time(step, items[:3]))))
    found: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(count):
        for name in sorted(steps, key=lambda each: (list(steps).index(each) + number) % len(steps)):
            found[name].append(_time(steps[name], items[: lengths[name]]))
    return found


def _time(step: Step, items: Tensor) -> float:
    """Return the processor time of a step."""
    began = time.process_time()
    for each in items:
        step(each)
    return (time.process_time() - began) / len(items)


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Return median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def chunk_seconds(schedule: Schedule = SCHEDULE) -> float:
    """Return the processor time of a chunk of 16 experts a model, files and tests included."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        sweep(Path(folder), _make(), digits(), settings(CHUNK), schedule, study="benchmark", chunk=CHUNK)
        return time.process_time() - began


def processes(count: int) -> tuple[list[float], list[float]]:
    """Return how many times faster two processes are than one, by processor time and by wall time, in every round.

    By processor time: twice that of a chunk alone over that of each of two at once, which is what idle cores would
    give. Wall time tells only on idle cores: elsewhere the system's scheduler shares them out by its own rules.
    """
    shorter = dataclasses.replace(SCHEDULE, steps=SCHEDULE.steps // 3)

    def run(chunks: int) -> tuple[float, float]:
        began = time.perf_counter()
        spent = joblib.Parallel(n_jobs=2)(joblib.delayed(chunk_seconds)(shorter) for _ in range(chunks))
        return statistics.mean(spent), time.perf_counter() - began

    run(2)  # the first time the processes start
    found = []
    for number in range(count):
        order = (1, 2) if number % 2 else (2, 1)
        times = {chunks: run(chunks) for chunks in order}
        found.append([2.0 * one / two for one, two in zip(times[1], times[2], strict=True)])
    return [each[0] for each in found], [each[1] for each in found]


def _make() -> Vision:
    return Vision(64, 10, Tiers.even((16,), 16))


def rows(count: int, seconds: float) -> list[str]:
    """Measure the ratios and return their table."""
    found = [
        "| experts | batch | models | ms a step of a model | one by one / engine | vmap / engine |",
        "|" + "---|" * 6,
    ]
    for experts, batch, models in CASES:
        times = rounds(experts, batch, models, count, seconds)
        ours = [1e3 * each / models for each in times["engine"]]
        ratios = [
            spread([other / mine for other, mine in zip(times[name], times["engine"], strict=True)])
            for name in ("one by one", "vmap")
        ]
        found.append(f"| {experts} | {batch} | {models} | {spread(ours)} | {' | '.join(ratios)} |")
    return found


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=31, help="turns of each contender (default: 31)")
    parser.add_argument("--seconds", type=float, default=0.3, help="of a turn (default: 0.3)")
    parser.add_argument("--processes", action="store_true", help="compare two processes with one")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{hardware()}, torch {torch.__version__}; load {os.getloadavg()[0]:.1f}")
    for row in rows(arguments.rounds, arguments.seconds):
        print(row, flush=True)
    minutes = [chunk_seconds() / 60 for _ in range(5)]
    rate = spread([CHUNK / each for each in minutes], ".0f")
    print(
        f"digits, 16 experts, batch {SCHEDULE.batch}, {SCHEDULE.steps} steps, {CHUNK} together: {rate} models a minute"
    )
    if arguments.processes:
        processor, wall = processes(25)
        print(f"two processes against one: {spread(processor)} by processor time, {spread(wall)} by wall time")


if __name__ == "__main__":
    main()
