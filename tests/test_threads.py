"""BLAS is kept to one thread while blocks of tokens are added up, and given back whatever ends the context."""

import importlib
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import moecusp as mc
from moecusp._numerics.threads import one_thread
from moecusp.diagnosis import diagnose
from tests.diagnosis.planted import site_trace, trace


def threads():
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two():
    """Two threads before, so that one is a change, on whatever machine."""
    mc.susceptibility(np.zeros((1, 2)))  # SciPy's library is loaded by then
    with threadpool_limits(2, user_api="blas"):
        assert threads() == {2}
        yield


def test_inside_and_after():
    with one_thread():
        assert threads() == {1}
        with one_thread():
            pass
        assert threads() == {1}
    assert threads() == {2}


def test_after_an_error():
    with pytest.raises(ZeroDivisionError), one_thread():
        raise ZeroDivisionError
    assert threads() == {2}


def test_two_at_once_leave_it_as_it_was():
    inside, leave = threading.Event(), threading.Event()

    def other():
        with one_thread():
            inside.set()
            leave.wait(10.0)

    thread = threading.Thread(target=other)
    with one_thread():
        thread.start()
        assert inside.wait(10.0)
        assert threads() == {1}
    leave.set()
    thread.join()
    assert threads() == {2}


@pytest.mark.parametrize(
    ("name", "estimate"),
    [("susceptibility", mc.susceptibility), ("susceptibility_estimate", mc.soft_susceptibility)],
    ids=["value", "with errors"],
)
def test_products_are_of_one_thread(name, estimate, monkeypatch):
    module, seen = importlib.import_module(f"moecusp.{name}"), []
    real = module.softmax

    def softmax(*given):
        seen.append(threads())
        return real(*given)

    monkeypatch.setattr(module, "softmax", softmax)
    estimate(np.random.default_rng(0).normal(size=(50, 4)))
    assert seen == [{1}]
    assert threads() == {2}


def test_a_diagnosis_is_of_one_thread(monkeypatch):
    module, seen = importlib.import_module("moecusp.diagnosis.side_by_side"), []
    real = module.layer

    def layer(*given):
        seen.append(threads())
        return real(*given)

    monkeypatch.setattr(module, "layer", layer)
    diagnose(trace(site_trace(batches=4, size=50)))
    assert seen == [{1}]
    assert threads() == {2}
