"""Mutation testing: `python -m tests.mutants [module, folder or area ...]` (docs/mutation-testing.md).

The mutants are mutmut's. Its way of running them puts a dispatcher around every function, of which a mutant costs the
start of a test run; here the tests are collected once, and each mutant is a fork in which the code objects of the
mutated functions are replaced before the tests that call them are run, first those that killed its neighbours. Tests
run until one fails. What a fork cannot reach (values computed while a test file is imported) stays as it was, which
can only let a mutant survive.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import pickle
import random
import resource
import signal
import sys
import tempfile
import time
import types
from collections import Counter, defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ["HYPOTHESIS_PROFILE"] = "mutants"

import pytest

from tests import mutated
from tests.mutant import Mutant, apply, mutants
from tests.mutated import AREA_OF, AREAS, MODULES

OWN = {  # the tests of a module that is not tested under its own name
    "steps": "steps accuracy",
    "double": "kernels accuracy",
    "elementary": "steps kernels",
    "roots": "accuracy equilibria tensor_equilibria",
    "pairs": "pairs kernels",
    "expert_kernels": "expert_kernels",
    "expert_solver": "expert_kernels expert_states experts",
    "experts": "experts tensors tensor_derivatives",
    "expert_states": "expert_states tensors tensor_derivatives",
    "escape_slope": "escape_slope escape_path escape_layers escape",
    "action": "escape_slope escape_path escape_layers escape",
    "action_slopes": "escape_slope escape_path escape_layers escape",
    "gauss": "gauss boundary responses_hard_gaussian",
    "logistic": "logistic responses_logistic_normal",
    "density": "density noise tensor_derivatives",
    "noise": "noise tensors tensor_derivatives",
    "stationary": "noise tensors tensor_derivatives",
    "responses.base": "responses tensors tensor_derivatives",
    "responses.equilibria": "responses",
    "susceptibility": "susceptibility tensors tensor_derivatives",
    "ties": "susceptibility tensors",
}
PATIENCE = 5.0, 10.0  # seconds of processor time that a test may take, and how many times its usual time


def silence() -> None:
    """Send what this process prints nowhere."""
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


class Runner:
    """A plugin of pytest that runs the collected tests once for every mutant."""

    def __init__(self, wanted: list[Mutant], output: Path, budget: float, known: Path | None) -> None:
        self.wanted, self.output, self.budget, self.known = wanted, output, budget, known
        self.report: Any = None

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.report = report

    def pytest_runtestloop(self, session: Any) -> bool:
        items = {item.nodeid: item for item in session.items}
        for name in {mutant.module for mutant in self.wanted}:  # tests may import a module only while they run
            importlib.import_module(MODULES[name][:-3].replace("/", "."))
        gc.collect()
        functions = [x for x in gc.get_objects() if type(x) is types.FunctionType]  # isinstance would ask torch
        gc.freeze()
        cost, reached = pickle.loads(self.known.read_bytes()) if self.known and self.known.exists() else ({}, {})
        fresh = self.baseline({key: item for key, item in items.items() if key not in cost})
        cost |= fresh[0]
        for key, tests in fresh[1].items():
            reached[key] = reached.get(key, set()) | tests
        if self.known:
            self.known.write_bytes(pickle.dumps((cost, reached)))
        print(f"{len(items)} tests take {sum(cost.values()):.1f} s", flush=True)
        killers: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for mutant in self.wanted:
            path = str(Path(MODULES[mutant.module]).resolve())
            keys = [k for k in reached if k[0] == path and mutant.function in ("", k[1])]
            tests = set[str]().union(*(reached[k] for k in keys)) & items.keys()
            known = killers[mutant.module + mutant.function], killers[mutant.module]
            own = OWN.get(mutant.module, mutant.module.replace(".", "_")).split()
            first = tuple(f"tests/test_{name}.py" for name in [*own, "arguments"])
            order = sorted(tests, key=lambda t: (-known[0][t], -min(known[1][t], 3), not t.startswith(first), cost[t]))
            total, chosen = 0.0, list[str]()
            for test in order:
                total += cost[test]
                if not chosen or total <= self.budget:
                    chosen.append(test)
            start = time.perf_counter()
            mutant.outcome, mutant.test = self.fork(mutant, functions, [items[t] for t in chosen], cost)
            mutant.seconds = round(time.perf_counter() - start, 2)
            for counter in known:
                counter[mutant.test] += 1
            with self.output.open("a") as file:
                print(json.dumps(asdict(mutant)), file=file)
        return True

    def fork(self, mutant: Mutant, functions: list[Any], items: list[Any], cost: dict[str, float]) -> tuple[str, str]:
        """Return the outcome of one mutant and the test that killed it."""
        note = Path(tempfile.gettempdir()) / f"mutant-{os.getpid()}"
        note.write_text("")
        child = os.fork()
        if not child:
            try:
                silence()
                resource.setrlimit(resource.RLIMIT_AS, (2**34, 2**34))
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                signal.signal(signal.SIGPROF, signal.SIG_DFL)
                signal.setitimer(signal.ITIMER_PROF, PATIENCE[0])
                if not apply(mutant, functions):
                    os._exit(2)
                for item, following in zip(items, [*items[1:], None], strict=True):
                    signal.setitimer(signal.ITIMER_PROF, PATIENCE[0] + PATIENCE[1] * cost[item.nodeid])
                    note.write_text(item.nodeid)
                    item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
                    if self.report:
                        os._exit(1)
                os._exit(0)
            except BaseException:
                os._exit(3)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        test = note.read_text()
        note.unlink()
        if status == 3 and not test:
            return "killed", "import"
        return {0: ("survived", ""), 2: ("void", "")}.get(status, ("killed", test))

    def baseline(self, items: dict[str, Any]) -> tuple[dict[str, float], dict[tuple[str, str], set[str]]]:
        """Return what each test costs, and which tests call each function; every test must pass."""
        if not items:
            return {}, {}
        note = Path(tempfile.gettempdir()) / f"baseline-{os.getpid()}"
        child = os.fork()
        if not child:
            silence()
            cost: dict[str, float] = {}
            reached: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
            failed, everything = [], list(items.values())
            for item, following in zip(everything, [*everything[1:], None], strict=True):
                seen: set[types.CodeType] = set()
                start = time.process_time()
                sys.settrace(lambda frame, *_, seen=seen: seen.add(frame.f_code))
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
                sys.settrace(None)
                cost[item.nodeid] = time.process_time() - start
                if self.report:
                    failed.append(item.nodeid)
                    self.report = None
                for code in seen:
                    reached[code.co_filename, code.co_qualname].add(item.nodeid)
            note.write_bytes(pickle.dumps((failed, cost, dict(reached))))
            os._exit(0)
        os.waitpid(child, 0)
        failed, cost, result = pickle.loads(note.read_bytes())
        note.unlink()
        if failed:
            raise pytest.UsageError(f"these fail without a mutant: {failed}")
        return cost, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["numeric"], help=f"modules or areas: numeric, {', '.join(AREAS)}")
    parser.add_argument("--output", type=Path, default=Path("mutants.jsonl"), help="one line a mutant is added to it")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds of tests at most for a mutant")
    parser.add_argument("--known", type=Path, help="keep here which tests call which function, for the next run")
    parser.add_argument("--sample", type=int, help="this many of each name at most, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--survivors", type=Path, help="only those that survived in this output of an earlier run")
    options = parser.parse_args()
    draw, wanted = random.Random(options.seed), list[Mutant]()
    groups = [[m] for m in mutated.NUMERIC] if options.names == ["numeric"] else map(mutated.selected, options.names)
    chosen = [*groups]
    names = {name for group in chosen for name in group}
    if options.survivors:
        rows = [json.loads(line) for line in options.survivors.read_text().splitlines()]
        wanted = [Mutant(**row) for row in rows if row["outcome"] == "survived" and row["module"] in names]
    for group in [] if options.survivors else chosen:
        found = [mutant for name in group for mutant in mutants(name)]
        total = len(found)
        if options.sample and total > options.sample:
            found = sorted(draw.sample(found, options.sample), key=lambda m: m.key)
        print(f"{group[0]}{', ...' * (len(group) > 1)}: {len(found)} of {total} mutants", flush=True)
        wanted += found
    files = dict.fromkeys(
        path for area in ("numeric", *AREAS) if any(AREA_OF[n] == area for n in names) for path in mutated.tests(area)
    )
    doctests = [MODULES[n] for n in names if "_numerics" not in MODULES[n] and ">>>" in Path(MODULES[n]).read_text()]
    arguments = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *files, *sorted(doctests)]
    sys.exit(pytest.main(arguments, plugins=[Runner(wanted, options.output, options.budget, options.known)]))


if __name__ == "__main__":
    main()
