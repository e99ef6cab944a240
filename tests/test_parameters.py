import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc

positive = st.floats(1e-3, 1e3)


@given(positive, positive, positive, st.floats(-10, 10))
def test_reduced_variables_follow_their_definition(kappa, mu, beta, h):
    router = mc.RouterParameters(kappa, mu, beta, h)
    assert router.gain == pytest.approx(kappa * beta / (2 * mu), rel=1e-15)
    assert router.reduced_asymmetry == pytest.approx(beta * h / (2 * mu), rel=1e-15)
    assert router.critical_feedback == pytest.approx(2 * mu / beta, rel=1e-15)


@given(positive, positive, positive, st.floats(-10, 10))
def test_equilibria_solve_the_unreduced_score_equations(kappa, mu, beta, h):
    """kappa tanh(beta z/2) - mu z + h = 0 in the router's own units, decay and temperature not 1."""
    found = mc.RouterParameters(kappa, mu, beta, h).equilibria()
    for u, load in zip(found.u[: found.count], found.load, strict=False):
        z = 2 * u / beta
        terms = [kappa * np.tanh(beta * z / 2), -mu * z, h]
        assert abs(sum(terms)) <= 1e-13 * sum(map(abs, terms)) + 1e-305
        assert load == pytest.approx((1 + np.tanh(beta * z / 2)) / 2, abs=1e-13)


def test_folds_are_in_the_routers_units():
    """At h = folds() two solutions of F = F' = 0 merge, with decay and inverse temperature not 1."""
    router = mc.RouterParameters(feedback=3.0, decay=0.25, inverse_temperature=0.7)
    h = router.folds()
    for factor, count in ((1 - 1e-9, 3), (1 + 1e-9, 1)):
        assert mc.RouterParameters(3.0, 0.25, 0.7, h * factor).equilibria().count == count
    assert np.isnan(mc.RouterParameters(feedback=0.1).folds())


@given(st.integers(2, 1000), positive, positive)
def test_critical_feedback_has_gain_one(experts, mu, beta):
    kappa = mc.critical_feedback(mu, beta, experts)
    assert mc.gain(kappa, mu, beta, experts) == pytest.approx(1.0, rel=1e-15)


def test_many_routers_at_once():
    routers = mc.RouterParameters([1.0, 3.0], decay=[[1.0], [2.0]])
    assert routers.shape == (2, 2)
    assert routers.gain.tolist() == [[0.5, 1.5], [0.25, 0.75]]
    assert routers.regime().tolist() == [[1, 2], [1, 1]]
    assert routers.equilibria().u.shape == (2, 2, 3)


def test_frozen_and_private():
    mine = np.array([1.0, 2.0])
    router = mc.RouterParameters(mine)
    mine[0] = 100.0
    assert router.feedback.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        router.feedback[0] = 3.0
    with pytest.raises(AttributeError):
        router.decay = 2.0  # type: ignore[misc]


def test_equality_and_hash():
    same = mc.RouterParameters([1.0, 2.0]), mc.RouterParameters(np.array([1.0, 2.0]))
    assert same[0] == same[1]
    assert hash(same[0]) == hash(same[1])
    for other in (mc.RouterParameters([1.0, 3.0]), mc.RouterParameters([1.0, 2.0], experts=3), "else"):
        assert same[0] != other


@pytest.mark.parametrize("name", ["reduced_asymmetry", "regime", "equilibria", "folds"])
def test_two_expert_theory_is_refused_for_more(name):
    router = mc.RouterParameters(3.0, experts=3)
    with pytest.raises(mc.ParameterError, match="experts = 3"):
        getattr(router, name)()


def test_equality_is_of_values_and_the_sign_of_zero_is_none():
    assert mc.RouterParameters(1e-20) != mc.RouterParameters(2e-20)
    plus, minus = mc.RouterParameters(1.0, asymmetry=0.0), mc.RouterParameters(1.0, asymmetry=-0.0)
    assert plus == minus
    assert hash(plus) == hash(minus)


def test_a_count_of_numpy_is_kept_as_an_integer():
    assert type(mc.RouterParameters(1.0, experts=np.int64(3)).experts) is int  # type: ignore[arg-type]


@pytest.mark.parametrize("again", [lambda r: pickle.loads(pickle.dumps(r)), copy.deepcopy, copy.copy])
def test_copies_are_frozen_too(again):
    router = mc.RouterParameters([1.0, 2.0], asymmetry=[[0.1], [0.2]], experts=3)
    other = again(router)
    assert other == router
    for name in ("feedback", "asymmetry"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(other, name)[0] = 3.0


@pytest.mark.parametrize(
    "call",
    [
        lambda k: mc.RouterParameters(1.0, experts=k),
        lambda k: mc.gain(1.0, experts=k),
        lambda k: mc.critical_feedback(1.0, experts=k),
        lambda k: mc.expert_equilibria(0.9, k),
        mc.expert_fold_gain,
    ],
)
@pytest.mark.parametrize("experts", [10**400, 10**5000], ids=["400", "5000"])
def test_counts_beyond_the_floats_are_refused(call, experts):
    with pytest.raises(mc.ParameterError, match=r"^experts = .*: experts must be an integer >= 2"):
        call(experts)


def test_states_that_no_memory_holds_are_refused():
    with pytest.raises(
        mc.ParameterError, match=r"^experts = 1000000000: experts must be an integer >= 2 and <= 16777216"
    ):
        mc.expert_equilibria(0.9, 10**9)
    with pytest.raises(mc.ParameterError, match=r"^experts = 1000: .* <= 167$"):
        mc.expert_equilibria(np.full(100_000, 0.9), 1000)


def test_routers_of_bfloat16_compare_and_hash():
    torch = pytest.importorskip("torch")
    one, two = (mc.RouterParameters(torch.tensor([1.0, 2.0], dtype=t)) for t in (torch.bfloat16, torch.float64))
    assert one == two
    assert hash(one) == hash(two)


@pytest.mark.parametrize(
    ("router", "message"),
    [
        ({"feedback": 1e300, "inverse_temperature": 1e10}, r"^feedback = 1e\+300: feedback must be so small that"),
        ({"feedback": 1e10, "inverse_temperature": 1e300}, r"^inverse_temperature = 1e\+300: .* so small that"),
        ({"feedback": [1.0, 2.0], "decay": [1, 1e-308], "inverse_temperature": 4.0}, r"^decay = 1e-308: .* so large"),
        ({"feedback": 1.0, "asymmetry": -1e308, "decay": 1e-3}, r"^asymmetry = -1e\+308: .* so small that"),
    ],
)
def test_what_makes_the_gain_overflow_is_named(router, message):
    for function in (mc.RouterParameters.regime, mc.RouterParameters.equilibria):
        with pytest.raises(mc.ParameterError, match=message):
            function(mc.RouterParameters(**router))


def test_values_that_cannot_be_written_or_are_long():
    with pytest.raises(mc.ParameterError, match=r"^feedback = a list with integers too long to write: "):
        mc.RouterParameters([10**5000])
    with pytest.raises(mc.ParameterError, match=r"^feedback = '/a/a/a.*/a/trace\.npz': "):
        mc.RouterParameters("/a" * 40 + "/trace.npz")
