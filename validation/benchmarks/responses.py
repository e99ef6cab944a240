"""Response matrices and folds from a million tokens, against plain NumPy, PyTorch and SciPy; printed, never asserted.

``python -m validation.benchmarks.responses``: contenders take turns on one core, in processor time; medians. Logits
are float32, as recorded. The plain contenders compute in float64, in parts of 65,536 tokens, which is faster than all
at once and needs no memory to speak of; that they agree with the library is a test.

The plain folds are by `scipy.optimize.brentq` over sums of all tokens, between brackets that are given to it: it is not
asked to find out how many folds there are, which the library is.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.special import softmax

import moecusp as mc
from validation.benchmarks.__main__ import hardware

PART = 1 << 16
BOUNDS = {("soft", 64): 1.0, ("soft", 256): 5.0, ("hard", 64): 1.0, ("hard", 256): 5.0, ("folds", 2): 2.0}  # seconds


def logits(tokens: int, experts: int, seed: int = 0) -> Any:
    """Return random logits of experts that are not equal, float32."""
    random = np.random.default_rng(seed)
    made = random.standard_normal((tokens, experts), np.float32)
    made *= np.float32(1.5)
    made += random.standard_normal(experts, np.float32)
    return made


def parts(given: Any) -> Iterator[Any]:
    """Yield the tokens part by part."""
    return (given[start : start + PART] for start in range(0, len(given), PART))


def soft_numpy(given: Any) -> Any:
    """Return chi of softmax routing by SciPy's softmax and one product a part."""
    experts = given.shape[1]
    loads, products = np.zeros(experts), np.zeros((experts, experts))
    for part in parts(given):
        p = softmax(part.astype(np.float64), axis=1)
        loads += p.sum(axis=0)
        products += np.einsum("ni,nj->ij", p, p, optimize=True)
    return (np.diag(loads) - products) / len(given)


def soft_torch(given: Any) -> Any:
    """Return the same by PyTorch."""
    experts = given.shape[1]
    loads = torch.zeros(experts, dtype=torch.float64)
    products = torch.zeros((experts, experts), dtype=torch.float64)
    for part in parts(given):
        p = torch.from_numpy(part).double().softmax(dim=1)
        loads += p.sum(dim=0)
        products += torch.einsum("ni,nj->ij", p, p)
    return ((torch.diag(loads) - products) / len(given)).numpy()


def hard_numpy(given: Any, width: float, k: int) -> Any:
    """Return chi of top-k routing by sorting, from tokens whose k-th and (k+1)-th are no further apart than width."""
    experts = given.shape[1]
    ties = np.zeros((experts, experts))
    for part in parts(given):
        order = np.argsort(part, axis=1)[:, ::-1]
        first, second = order[:, k - 1], order[:, k]
        rows = np.arange(len(part))
        near = part[rows, first].astype(np.float64) - part[rows, second] <= width
        np.add.at(ties, (first[near], second[near]), 1.0)
    ties = (ties + ties.T) / (2.0 * width * len(given) * k)
    return np.diag(ties.sum(axis=1)) - ties


def folds_plain(margins: Any, feedback: float) -> Any:
    """Return both folds of softmax routing of one cluster of margins, by full sums between given brackets."""

    def excess(z: float) -> float:
        return float(feedback * np.mean(0.5 / np.cosh(0.5 * (z + margins)) ** 2) - 1.0)

    middle, reach = -float(margins.mean()), 4.0 * float(margins.std())
    return np.array([brentq(excess, middle - reach, middle), brentq(excess, middle, middle + reach)])


def contest(contenders: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the median processor time of each, in seconds, after one turn to warm up."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            start = time.process_time()
            run()
            if number:
                times[name].append(time.process_time() - start)
    return {name: float(np.median(each)) for name, each in times.items()}


def rows(tokens: int, rounds: int) -> Iterator[str]:
    """Yield the lines of the table."""
    for experts in (64, 256):
        given = logits(tokens, experts)
        soft = {
            "moecusp": lambda given=given: mc.susceptibility(given),
            "with errors": lambda given=given: mc.soft_susceptibility(given),
            "NumPy": lambda given=given: soft_numpy(given),
            "PyTorch": lambda given=given: soft_torch(given),
        }
        yield row("soft", experts, contest(soft, rounds))
        hard = {
            "moecusp": lambda given=given: mc.hard_susceptibility(given, top_k=2),
            "NumPy": lambda given=given: hard_numpy(given, 0.02, 2),
        }
        yield row("hard", experts, contest(hard, rounds))
    margins = np.random.default_rng(1).normal(0.3, 1.5, tokens)
    response = mc.EmpiricalResponse(margins, inverse_temperature=1.0)
    feedback = 1.5 * float(response.critical_feedback())
    both = {
        "moecusp": lambda: mc.EmpiricalResponse(margins, inverse_temperature=1.0).folds(feedback),
        "SciPy": lambda: folds_plain(margins, feedback),
    }
    yield row("folds", 2, contest(both, rounds))


def row(what: str, experts: int, found: dict[str, float]) -> str:
    """Return a line of the table, with the verdict on the library's own time."""
    bound = BOUNDS[what, experts]
    others = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in found.items() if name != "moecusp")
    within = "yes" if found["moecusp"] <= bound else "no"
    return f"| {what} | {experts} | {found['moecusp']:.2f} s | {others} | {bound:.0f} s: {within} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{hardware()}; torch {torch.__version__}, one thread; {options.tokens} tokens, {options.rounds} rounds")
    print("| what | experts | moecusp | others | within |\n|---|---|---|---|---|", flush=True)
    for line in rows(options.tokens, options.rounds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
