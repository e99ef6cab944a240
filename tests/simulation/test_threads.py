"""Sharing out the routers of a run to threads."""

from __future__ import annotations

import threading
from collections import deque

import pytest

from moecusp import RouterParameters
from moecusp._simulation.request import Request
from moecusp._simulation.schedules import Schedule

pytest.importorskip("numba")

from moecusp._simulation.compiled import CompiledBackend


def backend(threads: int) -> CompiledBackend:
    parameters = RouterParameters(feedback=1.0)
    request = Request(parameters, 0.1, 10, 4, 1, "soft", 0.0, 0.0, False, None, Schedule(), 1)
    return CompiledBackend(request.plan, threads)


class TestRunAll:
    @pytest.mark.parametrize("threads", [2, 5])
    def test_runs_everything_once(self, threads: int) -> None:
        done: list[int] = []
        engine = backend(threads)
        for _ in range(20):
            engine._run_all(done.append, deque(range(threads * 7)))
        assert sorted(done) == sorted(list(range(threads * 7)) * 20)

    def test_on_as_many_threads_as_asked_for(self) -> None:
        """Each piece waits until three are at work, this thread among them."""
        together, seen = threading.Barrier(3, timeout=20.0), set()

        def wait(_: int) -> None:
            together.wait()
            seen.add(threading.get_ident())

        backend(3)._run_all(wait, deque(range(6)))
        assert threading.get_ident() in seen
        assert len(seen) == 3

    def test_an_error_elsewhere_is_raised_here(self) -> None:
        here, met, done = threading.get_ident(), threading.Barrier(2, timeout=20.0), []

        def fail(piece: int) -> None:
            if piece < 2:
                met.wait()
                if threading.get_ident() != here:
                    raise RuntimeError("there")
            done.append(piece)

        with pytest.raises(RuntimeError, match="there"):
            backend(2)._run_all(fail, deque(range(4)))
        assert sorted(done)[-2:] == [2, 3]

    def test_an_interrupt_leaves_nothing_to_do(self) -> None:
        left = deque(range(10_000))

        def interrupt(_: int) -> None:
            if threading.current_thread() is threading.main_thread():
                raise KeyboardInterrupt
            threading.Event().wait(0.01)

        with pytest.raises(KeyboardInterrupt):
            backend(2)._run_all(interrupt, left)
        assert not left
