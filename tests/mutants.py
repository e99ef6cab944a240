"""Mutation testing: `python -m tests.mutants [module, folder or area ...]` (docs/mutation-testing.md).

The mutants are mutmut's. Its way of running them puts a dispatcher around every function, of which a mutant costs the
start of a test run; here the tests are collected once, and each mutant is a fork in which the code objects of the
mutated functions are replaced before the tests that call them are run, first those that killed its neighbours. Tests
run until one fails. What a fork cannot reach (values computed while a test file is imported) stays as it was, which
can only let a mutant survive.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import itertools
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
from tests.mutant import Mutant, apply, mutants, planted
from tests.mutant_cost import Watch, baseline, silence
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
PATIENCE = 3.0, 10.0  # seconds of processor time that a test may take, and how many times its file's longest
WAITING = 20.0  # times as long by the clock: something waits for what does not come
LAZY = (
    "jinja2 jsonschema matplotlib.pyplot mpmath scipy.integrate scipy.optimize scipy.special scipy.stats sympy".split()
)


class Runner:
    """A plugin of pytest that runs the collected tests once for every mutant."""

    def __init__(self, wanted: list[Mutant], names: set[str], options: argparse.Namespace) -> None:
        self.wanted, self.names, self.output = wanted, names, options.output
        self.budget, self.longest = options.budget, options.longest
        self.known, self.check = options.known, options.check
        self.watch = Watch()

    def pytest_runtestloop(self, session: Any) -> bool:
        items = {item.nodeid: item for item in session.items}
        for name in self.names:  # tests may import a module only while they run
            importlib.import_module(MODULES[name][:-3].replace("/", "."))
        for name in [*LAZY, *["torch._dynamo"] * ("torch" in sys.modules)]:  # once, not in every fork
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        gc.collect()
        functions = [x for x in gc.get_objects() if type(x) is types.FunctionType]  # isinstance would ask torch
        gc.freeze()
        cost, reached = pickle.loads(self.known.read_bytes()) if self.known and self.known.exists() else ({}, {})
        fresh = baseline({key: item for key, item in items.items() if key not in cost}, self.watch, self.longest)
        cost |= fresh[0]
        for key, tests in fresh[1].items():
            reached[key] = reached.get(key, set()) | tests
        if self.known:
            self.known.write_bytes(pickle.dumps((cost, reached)))
        cost = {key: seconds for key, seconds in cost.items() if key in items}
        slow = [key for key, seconds in cost.items() if seconds > self.longest]
        usual = sum(seconds for seconds in cost.values() if seconds <= self.longest)
        print(f"{len(items) - len(slow)} tests take {usual:.1f} s, {len(slow)} slower ones are left out", flush=True)
        longest: defaultdict[str, float] = defaultdict(float)
        for key in cost.keys() - set(slow):
            longest[key.partition("::")[0]] = max(longest[key.partition("::")[0]], cost[key])
        if self.check:
            known_outcome = self.planted(reached, items.keys() - set(slow))
            self.wanted = known_outcome + self.wanted
        killers: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for mutant in self.wanted:
            path = str(Path(MODULES[mutant.module]).resolve())
            called = set[str]().union(*(reached[k] for k in reached if k[0] == path and mutant.function in ("", k[1])))
            # a constant may be read by functions of other modules
            tests = (called & items.keys() if mutant.function else items.keys()) - set(slow)
            known = killers[mutant.module + mutant.function], killers[mutant.module]
            own = OWN.get(mutant.module, mutant.module.replace(".", "_")).split()
            first = (
                *(f"/test_{name}.py" for name in [*own, "arguments", "refusals"]),
                f"test_{mutant.module.split('.')[-1]}",
            )
            order = sorted(
                tests,
                key=lambda t: (
                    *(-known[0][t], -min(known[1][t], 3)),
                    *(t not in called, not any(f in t for f in first), cost[t]),
                ),
            )
            total, chosen = 0.0, list[str]()
            for test in order:
                total += cost[test]
                if not chosen or total <= self.budget:
                    chosen.append(test)
            files = [*dict.fromkeys(test.partition("::")[0] for test in chosen)]  # what a file sets up, set up once
            chosen.sort(key=lambda t: files.index(t.partition("::")[0]))
            limits = {t: PATIENCE[0] + PATIENCE[1] * longest[t.partition("::")[0]] for t in chosen}
            start = time.perf_counter()
            run = [items[t] for t in chosen]
            mutant.outcome, mutant.test = (
                self.fork(mutant, functions, run, limits) if run else ("survived", "none calls it")
            )
            mutant.seconds = round(time.perf_counter() - start, 2)
            for counter in known:
                counter[mutant.test] += 1
            with self.output.open("a") as file:
                print(json.dumps(asdict(mutant)), file=file)
        print(
            *(f"{n} {outcome}" for outcome, n in Counter(m.outcome for m in self.wanted if m.number).items()), sep=", "
        )
        if self.check:
            self.judge(known_outcome)
        return True

    def planted(self, reached: dict[tuple[str, str], set[str]], fast: set[str]) -> list[Mutant]:
        """Return the mutants of known outcome: of each module, in the function that most tests call."""
        found = []
        for name in sorted(self.names):
            path = str(Path(MODULES[name]).resolve())
            tests = {
                f: len(t & fast) for (p, f), t in reached.items() if p == path and f.count(".") < 2 and "<" not in f
            }
            if not any(tests.values()):
                print(f"{name}: no fast test calls it", flush=True)
                continue
            found += planted(name, max(tests, key=lambda f: tests[f]))
        return found

    def judge(self, judged: list[Mutant]) -> None:
        """Fail if a mutant of known outcome had another."""
        wrong = [m for m in judged if m.outcome != ("killed" if m.number else "survived")]
        for m in wrong:
            print(f"{m.module}.{m.function}, {m.before or m.after}: {m.outcome} {m.test}", flush=True)
        print(f"{len(judged)} mutants of known outcome, {len(wrong)} judged wrongly", flush=True)
        if wrong:
            raise pytest.UsageError("the tool does not tell the truth")

    def fork(self, mutant: Mutant, functions: list[Any], items: list[Any], limits: dict[str, float]) -> tuple[str, str]:
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
                    signal.setitimer(signal.ITIMER_PROF, limits[item.nodeid])
                    signal.setitimer(signal.ITIMER_REAL, WAITING * limits[item.nodeid])
                    note.write_text(item.nodeid)
                    item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
                    if self.watch.report:
                        os._exit(1)
                os._exit(0)
            except BaseException:
                os._exit(3)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        test = note.read_text()
        note.unlink()
        if status == 3 and not test:
            return "killed", "import"
        if status < 0:  # no assertion failed: too slow (SIGPROF, SIGALRM), or crashed
            return "killed", f"{test} {signal.Signals(-status).name}"
        return {0: ("survived", ""), 2: ("void", "")}.get(status, ("killed", test))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["numeric"], help=f"modules or areas: numeric, {', '.join(AREAS)}")
    parser.add_argument("--without", nargs="+", default=[], help="modules or folders to leave out")
    parser.add_argument("--output", type=Path, default=Path("mutants.jsonl"), help="one line a mutant is added to it")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds of tests at most for a mutant")
    parser.add_argument("--tests", nargs="+", help="only these test files, in place of all that own the modules")
    parser.add_argument("--longest", type=float, default=20.0, help="seconds of a test beyond which it is left out")
    parser.add_argument("--check", action="store_true", help="judge mutants whose outcome is known, two a module")
    parser.add_argument("--known", type=Path, help="keep here which tests call which function, for the next run")
    parser.add_argument("--sample", type=int, help="this many of each name at most, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--survivors", type=Path, help="only those that survived in this output of an earlier run")
    options = parser.parse_args()
    draw, wanted = random.Random(options.seed), list[Mutant]()
    groups = [[m] for m in mutated.NUMERIC] if options.names == ["numeric"] else map(mutated.selected, options.names)
    left_out = {name for word in options.without for name in mutated.selected(word)}
    chosen = [[name for name in group if name not in left_out] for group in groups]
    names = {name for group in chosen for name in group}
    if options.survivors:
        rows = [json.loads(line) for line in options.survivors.read_text().splitlines()]
        wanted = [Mutant(**row) for row in rows if row["outcome"] == "survived" and row["module"] in names]
    for group in [] if options.survivors else chosen:
        if options.check and not options.sample:
            break
        every = [each for name in group for each in mutants(name)]
        total = len(every)
        draw.shuffle(every)
        rendered = (mutant for each in every if (mutant := each()))
        found = sorted(itertools.islice(rendered, options.sample), key=lambda m: m.key)
        print(f"{group[0]}{', ...' * (len(group) > 1)}: {len(found)} of {total} mutants", flush=True)
        wanted += found
    files = dict.fromkeys(
        path for area in ("numeric", *AREAS) if any(AREA_OF[n] == area for n in names) for path in mutated.tests(area)
    )
    doctests = [MODULES[n] for n in names if "_numerics" not in MODULES[n] and ">>>" in Path(MODULES[n]).read_text()]
    arguments = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *(options.tests or [*files, *sorted(doctests)])]
    runner = Runner(wanted, names, options)
    sys.exit(pytest.main(arguments, plugins=[runner, runner.watch]))


if __name__ == "__main__":
    main()
