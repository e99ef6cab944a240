import pickle

import numpy as np
import pytest

import moecusp as mc
from tests.tensors import CASES

BAD = [
    ("abc", "abc"),
    (float("nan"), "nan"),
    (float("inf"), "inf"),
    (-float("inf"), "-inf"),
    (1 + 2j, r"1\+2j"),
    (None, "None"),
    (True, "True"),
    ([], r"\[\]"),
    (np.zeros((0, 3)), "array"),
    ([1.0, [2.0, 3.0]], r"2\.0, 3\.0"),
    ({"a": 1}, "a"),
]

ONE_ARGUMENT = [
    (mc.fold_asymmetry, "gain"),
    (mc.fold_gain, "asymmetry"),
    (mc.fold_imbalance, "gain"),
    (mc.hysteresis_width, "gain"),
    (mc.fold_curve, "u"),
    (mc.cusp_set, "gain"),
    (mc.cusp_normal_form, "gain"),
    (mc.equilibria, "gain"),
    (mc.regime, "gain"),
    (mc.critical_feedback, "decay"),
    (mc.gain, "feedback"),
    (mc.reduced_asymmetry, "asymmetry"),
    (mc.RouterParameters, "feedback"),
    (mc.EmpiricalResponse, "margins"),
]


@pytest.mark.parametrize(("function", "name"), ONE_ARGUMENT, ids=lambda v: getattr(v, "__name__", v))
@pytest.mark.parametrize(("value", "shown"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_bad_values_are_named(function, name, value, shown):
    with pytest.raises(mc.ParameterError, match=rf"(?s)^{name}(\[.*\])? = .*{shown}.*must be"):
        function(value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mc.RouterParameters(-1.0), r"^feedback = -1\.0: feedback must be finite and real and > 0$"),
        (lambda: mc.RouterParameters(0.0), r"^feedback = 0\.0"),
        (lambda: mc.RouterParameters(1.0, decay=0), r"^decay = 0: decay must be finite and real and > 0$"),
        (lambda: mc.RouterParameters(1.0, inverse_temperature=-2), r"^inverse_temperature = -2"),
        (
            lambda: mc.RouterParameters(1.0, experts=1),
            r"^experts = 1: experts must be an integer >= 2 and <= 9007199254740992$",
        ),
        (lambda: mc.RouterParameters(1.0, experts=2.0), r"^experts = 2\.0"),  # type: ignore[arg-type]
        (lambda: mc.RouterParameters(1.0, experts=True), r"^experts = True"),
        (lambda: mc.fold_asymmetry(-1e-300), r"^gain = -1e-300: gain must be finite and real and >= 0$"),
        (lambda: mc.fold_asymmetry([1.0, [2.0][0], -3.0]), r"^gain\[2\] = -3\.0"),
        (lambda: mc.equilibria(np.ones((2, 3)), np.ones(4)), r"^gain and asymmetry = .*broadcast together"),
        (lambda: mc.RouterParameters([1.0, 2.0], decay=[1.0, 1.0, 1.0]), r"^feedback and decay and .*broadcast"),
    ],
)
def test_ranges_are_said(call, message):
    with pytest.raises(mc.ParameterError, match=message):
        call()


MESSAGES = [
    (
        lambda: mc.ecology_parameter(1.0, 1.0, 0.0, 0.0),
        "oracle_weight + balance_weight = 0.0: oracle_weight + balance_weight must be > 0: with neither an oracle nor "
        "a balance term nothing opposes the entropy term, and E is not defined",
    ),
    (
        lambda: mc.mean_field_competitor(1.0, [1.0, 0.0], 0.0),
        "oracle_weight = 0.0: oracle_weight must be > 0: without an oracle term there is no feedback to compare with",
    ),
    (
        lambda: mc.largest_safe_update_rate(np.zeros((2, 3))),
        "susceptibility = (2, 3): susceptibility must be of shape (..., K, K) with K >= 2",
    ),
    (
        lambda: mc.largest_safe_update_rate([[1.0, 0.0], [0.5, 1.0]]),
        "susceptibility = [[1.0, 0.0], [0.5, 1.0]]: susceptibility must be symmetric",
    ),
    (lambda: mc.expert_fold_gain(1), "experts = 1: experts must be an integer >= 2, and not empty"),
    (lambda: mc.expert_fold_gain(2.5), "experts = 2.5: experts must be an integer >= 2, and not empty"),
    (lambda: mc.expert_fold_gain([2, [3]]), "experts = [2, [3]]: experts must be an integer >= 2, in a regular array"),
    (lambda: mc.expert_fold_curve("a", 3), "x = 'a': x must be finite and real"),
    (lambda: mc.susceptibility(np.zeros(3)), "logits = (3,): logits must be of shape (..., tokens, K) with K >= 2"),
    (
        lambda: mc.susceptibility(np.zeros((3, 2)), [1.0]),
        "inverse_temperature = (1,): inverse_temperature must be one number",
    ),
    (
        lambda: mc.critical_feedback_from_logits(np.zeros((5, 3, 2)), [1.0, 2.0]),
        "decay = (2,): decay must be of a shape that broadcasts with (5,)",
    ),
    (
        lambda: mc.RouterParameters(1.0, experts=3).folds(),
        "experts = 3: experts must be 2 for folds, whose theory is that of two experts",
    ),
    (
        lambda: mc.RouterParameters(1.0, experts=3).regime(),
        "experts = 3: experts must be 2 for regime, whose theory is that of two experts",
    ),
    (
        lambda: mc.RouterParameters(1.0, experts=3).reduced_asymmetry,
        "experts = 3: experts must be 2 for reduced_asymmetry, whose theory is that of two experts",
    ),
    (
        lambda: mc.SoftmaxResponse(1.0).equilibria(1e308, 1.0, 1e308),
        "feedback = 1e+308: feedback must be such that (feedback + |asymmetry|)/decay is a float",
    ),
    (
        lambda: mc.SoftmaxResponse(1.0).equilibria(1.0, 1.0, [1.0]),  # type: ignore[arg-type]
        "asymmetry = [1.0]: asymmetry must be one number, finite and real",
    ),
    (
        lambda: mc.SoftmaxResponse(1.0).feedback_folds(0.0),
        "max_feedback = 0.0: max_feedback must be finite and real and > 0",
    ),
]


@pytest.mark.parametrize(("call", "message"), MESSAGES, ids=[message.partition(":")[0] for _, message in MESSAGES])
def test_messages_word_for_word(call, message):
    with pytest.raises(mc.ParameterError) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("case", "name"), [pytest.param(c, name, id=f"{k}-{name}") for k, c in CASES.items() for name in c.arguments]
)
def test_every_argument_is_named(case, name):
    values = {key: np.array(value, dtype=float) for key, value in case.arguments.items()}
    values[name].flat[0] = np.nan
    with pytest.raises(mc.ParameterError, match=rf"^{name}(\[.*\])? = nan: {name}(\[.*\])? must be "):
        case.call(*values.values())


def test_it_is_a_value_error_that_knows_its_parts_and_pickles():
    assert issubclass(mc.ParameterError, ValueError)
    with pytest.raises(mc.ParameterError, match="decay") as caught:
        mc.critical_feedback(0.0)
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert (error.name, error.value, error.allowed) == ("decay", 0.0, "finite and real and > 0")


class TestTypes:
    def test_scalars_stay_scalars(self):
        assert np.ndim(mc.fold_asymmetry(2)) == 0
        assert isinstance(mc.fold_asymmetry(2), float)

    def test_arrays_keep_their_shape(self):
        assert mc.fold_asymmetry(np.ones((2, 0 + 3))).shape == (2, 3)
        assert mc.equilibria(np.ones((4, 1)), np.zeros(5)).u.shape == (4, 5, 3)

    def test_float32_is_kept_and_computed_in_float64(self):
        gain = np.float32(1.001)
        result = mc.fold_asymmetry(np.array([gain]))
        assert result.dtype == np.float32
        assert result[0] == np.float32(mc.fold_asymmetry(float(gain)))
        assert mc.equilibria(np.array([gain])).u.dtype == np.float32

    def test_mixed_types_give_float64(self):
        assert mc.drift(np.float32(0.5), np.array([1.5])).dtype == np.float64

    def test_integers_give_float64(self):
        assert mc.fold_asymmetry(np.array([1, 2])).dtype == np.float64

    def test_inputs_are_not_written_to(self):
        gain = np.array([1.5, 2.0])
        gain.flags.writeable = False
        mc.equilibria(gain, gain)
        mc.fold_gain(gain)
