"""What recording costs: training steps of a mixture with and without a recorder, in turns; printed, never asserted.

A step is forward, backward and AdamW of a model of transformers (the extra ``hf``): 4 layers, 64 experts, hidden size
512, one thread. Plain steps and steps with a recorder alternate in one process, so that each step with a recorder has a
plain one right before and right after it: their mean is taken off it. What else the machine does then has to change
within three steps to be seen, and the next round's order is another. Both clocks are shown: processor time, which
leaves out waiting for a processor, and wall time.

The overhead is the median of these differences over the median plain step, its interval (95 %) that of the order of the
differences alone, whatever their distribution. It is held against the bounds: counting 2 %, a sample of whole tokens
5 %. *yes*: the whole interval is within; *no*: all of it is beyond; else the steps cannot tell, and more rounds or a
quieter machine are wanted. Attaching and detaching are no part of a step.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binom

from moecusp.routing import Recorder, Stream, record
from validation.benchmarks.__main__ import hardware

LENGTH, VOCABULARY = 256, 1024
BOUNDS = {"counts": 2.0, "counts and 4096 tokens a router": 5.0, "counts and all tokens to disk": None}  # per cent
CLOCKS = {"processor": time.process_time, "wall": time.perf_counter}


class Overhead(NamedTuple):
    """Median and ends of the interval, as parts of a plain step."""

    low: float
    middle: float
    high: float

    def within(self, bound: float) -> str:
        """Say whether it is at most so many per cent of a step."""
        if 100.0 * self.high <= bound:
            return "yes"
        return "no" if 100.0 * self.low > bound else "cannot tell"

    def __str__(self) -> str:
        """Show it in per cent."""
        low, middle, high = (f"{100.0 * each:+.2f}" for each in self)
        return f"{middle} % ({low} to {high})"


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


def overhead(plain: NDArray[np.float64], recorded: NDArray[np.float64], confidence: float = 0.95) -> Overhead:
    """Return what recording adds to a step.

    Parameters
    ----------
    plain : ndarray, shape (rounds, 2)
        Times of the plain steps before and after each step with a recorder.
    recorded : ndarray, shape (rounds,)
        Times of these.
    confidence : float
        That the interval holds the median of all such differences, if rounds are independent.
    """
    added = np.sort(recorded - plain.mean(axis=1)) / np.median(plain)
    low = max(int(binom.ppf((1.0 - confidence) / 2.0, added.size, 0.5)) - 1, 0)
    return Overhead(float(added[low]), float(np.median(added)), float(added[added.size - 1 - low]))


def timed(step: Callable[[], None], recorder: Recorder | None) -> list[float]:
    """Return the time of a step by each clock."""
    if recorder is not None:
        with recorder:
            return timed(step, None)
    starts = [clock() for clock in CLOCKS.values()]
    step()
    return [clock() - start for clock, start in zip(CLOCKS.values(), starts, strict=True)]


def measure(k: int, tokens: int, rounds: int) -> Iterator[str]:
    """Yield the rows of the table and the verdicts for a model whose tokens take k experts."""
    model, orders = mixture(k), np.random.default_rng(0)
    step = training(model, tokens)
    with tempfile.TemporaryDirectory() as folder:
        stream = Stream(Path(folder) / "stream")
        ways = [record(model, sample=0), record(model), record(model, sample=0, stream=stream)]
        times = np.zeros((rounds, len(ways), 3, len(CLOCKS)))
        for recorder in [None, *ways]:
            timed(step, recorder)  # to warm up
        for found in times:
            before = timed(step, None)
            for place in orders.permutation(len(ways)):
                after = [timed(step, ways[place]), timed(step, None)]
                found[place] = [before, *after]
                before = after[1]
    verdicts = []
    for place, (way, bound) in enumerate(BOUNDS.items()):
        each = times[:, place]
        added = [overhead(each[:, ::2, clock], each[:, 1, clock]) for clock in range(len(CLOCKS))]
        seconds = np.median(times[:, :, ::2, 0])
        yield f"| {k} of 64 | {tokens} | {seconds:.2f} s | {way} | {added[0]} | {added[1]} |"
        if bound is not None:
            verdicts.append(f"{k} of 64, {way}: within {bound:.0f} %: {added[0].within(bound)}")
    yield from verdicts


def main() -> None:
    """Print the table and the verdicts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--tokens", type=int, nargs="+", default=[1024])
    parser.add_argument("--chosen", type=int, nargs="+", default=[2, 8])
    options = parser.parse_args()
    if options.rounds < 6:
        parser.error("argument --rounds: 6 at least, or no interval holds the median with 95 % confidence")
    torch.set_num_threads(1)
    print(f"{hardware()}; torch {torch.__version__}, one thread; {options.rounds} rounds")
    print(f"| chosen | tokens | step | recorded | {' | '.join(f'added, {name} time' for name in CLOCKS)} |")
    print("|---|---|---|---|---|---|", flush=True)
    verdicts = []
    for tokens in options.tokens:
        for k in options.chosen:
            for line in measure(k, tokens, options.rounds):
                if line.startswith("|"):
                    print(line, flush=True)
                else:
                    verdicts.append(line)
    print("\n".join(verdicts))


if __name__ == "__main__":
    main()
