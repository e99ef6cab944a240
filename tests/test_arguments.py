import pickle

import numpy as np
import pytest

import moecusp as mc

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
        (lambda: mc.RouterParameters(1.0, experts=1), r"^experts = 1: experts must be an integer >= 2$"),
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
