"""What the tests of mutants cost, and which functions each of them calls: one run of all, without a mutant."""

from __future__ import annotations

import itertools
import math
import os
import pickle
import signal
import sys
import tempfile
import types
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest


class Slow(BaseException):
    """A test takes longer than a test of mutants may."""


def processor() -> float:
    """Return the seconds of processor time of this process and of the programs that it ran."""
    return sum(os.times()[:4])


def silence() -> None:
    """Send what this process prints nowhere."""
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


class Watch:
    """A plugin of pytest that notes the report of a test that failed, and whether one was too slow."""

    def __init__(self) -> None:
        self.report: Any = None
        self.slow = False
        self.seen: set[types.CodeType] = set()
        self.shared: dict[Any, set[types.CodeType]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Any:
        """Note what a fixture calls: it may be set up once for many tests."""
        outer, self.seen = self.seen, set()
        try:
            return (yield)
        finally:
            self.shared[fixturedef] = self.seen
            self.seen = outer | self.seen

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.report = report

    def pytest_runtest_makereport(self, item: Any, call: Any) -> None:
        self.slow |= call.excinfo is not None and call.excinfo.errisinstance(Slow)


def baseline(
    items: dict[str, Any], watch: Watch, longest: float
) -> tuple[dict[str, float], dict[tuple[str, str], set[str]]]:
    """Return what each test costs, and which tests call each function; every test must pass."""
    if not items:
        return {}, {}
    note = Path(tempfile.gettempdir()) / f"baseline-{os.getpid()}"
    child = os.fork()
    if not child:
        silence()
        cost: dict[str, float] = {}
        reached: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        failed, everything, stopped = [], list(items.values()), set[str]()

        def stop(_: int, frame: types.FrameType | None) -> None:
            while frame:
                if frame.f_code.co_filename.startswith("<frozen importlib"):  # half a module would fail later tests
                    signal.setitimer(signal.ITIMER_PROF, longest)
                    return
                frame = frame.f_back
            watch.slow = True  # whatever the code that is stopped makes of it
            raise Slow

        signal.signal(signal.SIGPROF, stop)
        for item, following in zip(everything, [*everything[1:], None], strict=True):
            watch.seen = set()
            start = processor()
            sys.settrace(lambda frame, *_: watch.seen.add(frame.f_code))
            signal.setitimer(signal.ITIMER_PROF, longest)
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            sys.settrace(None)
            cost[item.nodeid] = processor() - start
            file = item.nodeid.partition("::")[0]
            # what was run may swallow the stop, and a test stopped midway can spoil those after it
            if watch.slow or (watch.report and (file in stopped or cost[item.nodeid] > longest)):
                stopped.add(file)
                cost[item.nodeid] = math.inf
                watch.report, watch.slow = None, False
            if watch.report:
                failed.append(item.nodeid)
                watch.report = None
            fixtures = itertools.chain.from_iterable(item._fixtureinfo.name2fixturedefs.values())
            for code in watch.seen.union(*(watch.shared.get(fixture, ()) for fixture in fixtures)):
                reached[code.co_filename, code.co_qualname].add(item.nodeid)
        note.write_bytes(pickle.dumps((failed, cost, dict(reached))))
        os._exit(0)
    os.waitpid(child, 0)
    failed, cost, result = pickle.loads(note.read_bytes())
    note.unlink()
    if failed:
        raise pytest.UsageError(f"these fail without a mutant: {failed}")
    return cost, result
