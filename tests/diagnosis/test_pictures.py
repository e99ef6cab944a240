"""Pictures: what is drawn stands where its numbers say."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from moecusp import expert_fold_gain, fold_asymmetry
from moecusp.diagnosis import diagnose
from moecusp.diagnosis.drawing import decades, linear, logarithmic, ticks
from moecusp.diagnosis.pair import Pair
from moecusp.diagnosis.pictures import label, ladder_picture, loads_picture, pair_point, plane_picture
from tests.diagnosis.planted import counted, site_trace, trace

SVG = "{http://www.w3.org/2000/svg}"


def drawn(picture):
    return ElementTree.fromstring(picture)


def of_class(root, tag, name):
    return [each for each in root.iter(SVG + tag) if name in each.get("class", "").split()]


def numbers(element, *names):
    return [float(element.get(name)) for name in names]


class TestLoads:
    def test_bars_and_errors(self):
        layer = diagnose(trace(counted([0.5, 0.3, 0.2, 0.0005]))).layers[0]
        root = drawn(loads_picture(layer, "x"))
        bars = of_class(root, "rect", "bar")
        heights = [float(bar.get("height")) for bar in bars]
        unit = heights[0] / layer.loads.relative[0]
        assert heights == pytest.approx((unit * layer.loads.relative).tolist(), abs=0.02)
        assert ["bad" in bar.get("class").split() for bar in bars] == [i in layer.loads.dead_experts for i in range(4)]
        (fair,) = of_class(root, "line", "fair")
        axis = float(of_class(root, "line", "axis")[0].get("y1"))
        assert axis - float(fair.get("y1")) == pytest.approx(unit, abs=0.02)
        ends = np.stack([np.asarray(layer.loads.low), np.asarray(layer.loads.high)], axis=1)
        for error, (low, high) in zip(of_class(root, "line", "error"), ends, strict=True):
            assert [axis - y for y in numbers(error, "y1", "y2")] == pytest.approx([unit * low, unit * high], abs=0.02)
        (band,) = of_class(root, "rect", "band")
        floor = layer.loads.floor.number
        assert float(band.get("height")) == pytest.approx(2 * unit * floor, abs=0.03)

    def test_says_it_in_words(self):
        words = drawn(loads_picture(diagnose(trace(counted([0.5, 0.3, 0.2]))).layers[0], "x")).find(SVG + "desc").text
        assert re.match(
            r"Loads of 3 experts .* The busiest is expert 0 with 1\.[45]\d*, the idlest expert 2 with 0\.\d+", words
        )


class TestLadder:
    def test_rungs_and_the_feedback_given(self):
        found = diagnose(trace(site_trace(seed=1), site_trace(seed=2, experts=4)), feedback=4.0, decay=1.0)
        root = drawn(ladder_picture(found.layers, found.feedback))
        (given,) = of_class(root, "line", "given")
        dots = of_class(root, "circle", "dot")
        folds = of_class(root, "line", "rung")
        place = {
            round(float(t.text), 6): float(t.get("x"))
            for t in root.iter(SVG + "text")
            if re.fullmatch(r"[\d.]+", t.text)
        }
        (a, xa), (b, xb) = list(place.items())[:2]
        per_log = (xb - xa) / np.log(b / a)

        def at(value):
            return xa + per_log * np.log(value / a)

        assert float(given.get("x1")) == pytest.approx(at(4.0), abs=0.05)
        for dot, fold, layer in zip(dots, folds, found.layers, strict=True):
            critical = layer.coupling.critical.number
            assert float(dot.get("cx")) == pytest.approx(at(critical), abs=0.05)
            assert float(fold.get("x1")) == pytest.approx(
                at(critical * float(expert_fold_gain(layer.site.experts))), abs=0.05
            )

    def test_none_where_nothing_is_known(self):
        assert ladder_picture(diagnose(trace(counted([0.5, 0.5]))).layers, None) is None
        assert plane_picture(diagnose(trace(counted([0.5, 0.5]))).layers) is None


class TestPlane:
    @pytest.mark.parametrize("lead", [0.3, 1.0])
    def test_at_the_critical_feedback_a_pair_is_on_the_fold_curve(self, lead):
        record = site_trace(experts=2, offsets=[lead, 0.0], batches=40, size=200)
        pair = diagnose(trace(record)).layers[0].pair
        assert isinstance(pair, Pair)
        layer = diagnose(trace(record), feedback=pair.critical.number, decay=1.0).layers[0]
        assert isinstance(layer.pair, Pair)
        gain, asymmetry = pair_point(layer, layer.pair) or (0.0, 0.0)
        assert gain > 1
        assert abs(asymmetry) == pytest.approx(float(fold_asymmetry(gain)), rel=1e-6)
        half = diagnose(trace(record), feedback=0.5 * pair.critical.number, decay=1.0).layers[0]
        assert isinstance(half.pair, Pair)
        point = pair_point(half, half.pair) or (0.0, 0.0)
        assert point[0] == pytest.approx(gain / 2, rel=1e-9)
        assert np.arctanh(pair.imbalance.number) == pytest.approx(point[1] + point[0] * pair.imbalance.number)

    def test_lines_touch_the_fold_curve(self):
        """In the picture's own units, within the steps of the curves."""
        layers = diagnose(trace(site_trace(experts=2, offsets=[1.0, 0.0], batches=40, size=200))).layers
        root = drawn(plane_picture(layers))
        (touch,) = of_class(root, "circle", "touch")
        curve, line = (
            np.array(re.findall(r"[ML]([\d.-]+) ([\d.-]+)", of_class(root, "path", name)[0].get("d")), dtype=float)
            for name in ("fold", "locus")
        )
        x, y = numbers(touch, "cx", "cy")
        assert np.hypot(curve[:, 0] - x, curve[:, 1] - y).min() < 2.5
        assert np.hypot(line[:, 0] - x, line[:, 1] - y).min() < 5.0

    def test_only_a_feedback_places_points(self):
        record = site_trace(experts=2, offsets=[1.0, 0.0], batches=40, size=200)
        without, placed = diagnose(trace(record)), diagnose(trace(record), feedback=1.0, decay=1.0)
        assert of_class(drawn(plane_picture(without.layers)), "circle", "dot") == []
        assert len(of_class(drawn(plane_picture(placed.layers)), "circle", "dot")) == 1


class TestScales:
    def test_places(self):
        assert [linear(0, 2, 10, 30)(v) for v in (-1, 0, 1, 2, 3, np.inf)] == [10, 10, 20, 30, 30, 30]
        assert [logarithmic(1, 100, 0, 2)(v) for v in (0.0, 1, 10, 1000)] == pytest.approx([0, 0, 1, 2])

    @pytest.mark.parametrize(
        ("low", "high", "most", "expected"),
        [
            (0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1]),
            (0, 7, 4, [0, 2, 4, 6]),
            (-1.4, 1.4, 5, [-1, 0, 1]),
            (0, 0.03, 3, [0, 0.01, 0.02, 0.03]),
        ],
    )
    def test_ticks(self, low, high, most, expected):
        assert ticks(low, high, most) == pytest.approx(expected)

    def test_decades(self):
        assert decades(0.9, 21) == pytest.approx([1, 2, 5, 10, 20])
        assert decades(0.5, 3000) == pytest.approx([1, 10, 100, 1000])

    def test_labels_tell_stacks_and_roles(self):
        from dataclasses import replace

        layer = diagnose(trace(counted([0.5, 0.5]))).layers[0]
        other = replace(layer, site=replace(layer.site, stack="encoder", role="attention", layer=7))
        assert (label(layer), label(other)) == ("L0", "E7a")
