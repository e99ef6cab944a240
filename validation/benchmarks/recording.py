"""What recording costs: training steps of a mixture with and without a recorder, in turns; printed, never asserted.

A step is forward, backward and AdamW of a model of transformers (the extra ``hf``): 4 layers, 64 experts, hidden size
512. Each way of recording takes its turn in every round, in an order that goes round, and is entered and left at each
step. Shown are the median of the ratios to the plain step of the same round, with an interval of 95 % confidence from
the order of the ratios alone; and, without the noise of two steps, the share of a step spent in the recorder itself.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from scipy.stats import binom

from moecusp.routing import Recorder, Stream, record, recorder
from validation.benchmarks.__main__ import hardware

LENGTH, VOCABULARY = 512, 1024
WAYS = ("counts", "counts and 4096 tokens a router", "counts and all tokens to disk")


def mixture(k: int) -> Any:
    """Return a random mixture of experts whose tokens take k of them."""
    from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

    sizes: dict[str, Any] = {
        "hidden_size": 512,
        "intermediate_size": 1024,
        "moe_intermediate_size": 128,
        "num_hidden_layers": 4,
    }
    heads: dict[str, Any] = {"num_attention_heads": 8, "num_key_value_heads": 8, "head_dim": 64}
    experts: dict[str, Any] = {"num_experts": 64, "num_experts_per_tok": k, "decoder_sparse_step": 1}
    torch.manual_seed(0)
    return Qwen3MoeForCausalLM(Qwen3MoeConfig(vocab_size=VOCABULARY, use_cache=False, **sizes, **heads, **experts))


def training(model: Any, tokens: int) -> Callable[[], None]:
    """Return a step of training on so many random tokens."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)
    generator = torch.Generator().manual_seed(0)

    def step() -> None:
        ids = torch.randint(0, VOCABULARY, (tokens // LENGTH, LENGTH), generator=generator)
        model(input_ids=ids, labels=ids).loss.backward()
        optimiser.step()
        optimiser.zero_grad()

    return step


class Clock:
    """Processor time spent in hooks, and in attaching and detaching them."""

    def __init__(self) -> None:
        self.spent = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Count this."""
        start = time.process_time()
        yield
        self.spent += time.process_time() - start

    def timed(self, hook: Callable[..., None]) -> Callable[..., None]:
        """Return a hook that counts its own time."""

        def hooked(*arguments: Any) -> None:
            with self.running():
                hook(*arguments)

        return hooked


def recorded(step: Callable[[], None], attached: Recorder | None, clock: Clock) -> tuple[float, float]:
    """Return the processor time of a step, and how much of it was the recorder's."""
    start, before = time.process_time(), clock.spent
    if attached is None:
        step()
    else:
        with mock.patch.object(recorder, "outside", clock.timed), clock.running():
            attached.__enter__()
        step()
        with clock.running():
            attached.__exit__(None, None, None)
    return time.process_time() - start, clock.spent - before


def measure(k: int, tokens: int, rounds: int) -> Iterator[str]:
    """Yield a row of the table for each way of recording."""
    model, clock = mixture(k), Clock()
    step = training(model, tokens)
    with tempfile.TemporaryDirectory() as folder:
        stream = Stream(Path(folder) / "stream")
        recorders = [None, record(model, sample=0), record(model), record(model, sample=0, stream=stream)]
        times = np.zeros((rounds, len(recorders), 2))
        for number in range(-1, rounds):  # one to warm up
            for place in np.roll(np.arange(len(recorders)), number).tolist():
                found = recorded(step, recorders[place], clock)
                if number >= 0:
                    times[number, place] = found
    total, own = times[..., 0], times[..., 1]
    for column, way in enumerate(WAYS, 1):
        low, middle, high = interval(total[:, column] / total[:, 0])
        share = np.median(own[:, column] / total[:, column])
        yield (
            f"| {k} of 64 | {tokens} | {np.median(total[:, 0]):.2f} s | {way} | "
            f"{100 * (middle - 1):+.1f} % ({100 * (low - 1):+.1f} to {100 * (high - 1):+.1f}) | {100 * share:.2f} % |"
        )


def interval(ratios: Any, confidence: float = 0.95) -> tuple[float, float, float]:
    """Return the median and the order statistics around it: an interval whatever the distribution."""
    ordered = np.sort(ratios)
    low = max(int(binom.ppf((1 - confidence) / 2, ordered.size, 0.5)) - 1, 0)
    return float(ordered[low]), float(np.median(ordered)), float(ordered[ordered.size - 1 - low])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--tokens", type=int, nargs="+", default=[2048])
    parser.add_argument("--chosen", type=int, nargs="+", default=[2, 8])
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{hardware()}; torch {torch.__version__}, one thread; processor time, {options.rounds} rounds")
    for tokens in options.tokens:
        for k in options.chosen:
            for row in measure(k, tokens, options.rounds):
                print(row, flush=True)


if __name__ == "__main__":
    main()
