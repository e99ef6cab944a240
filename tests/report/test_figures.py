"""Pictures as text."""

import io
import re
from xml.etree import ElementTree

import numpy as np
from numpy.testing import assert_allclose

from moecusp.report.figures import canvas, style, svg
from tests.report.sample import picture


def test_the_same_to_the_byte():
    assert picture("twice") == picture("twice")


def test_ids_of_two_pictures_do_not_clash():
    first, second = (set(re.findall(r'\bid="([^"]+)"', picture(label))) for label in ("one", "two"))
    assert first
    assert not first & second


def test_what_is_drawn_is_what_matplotlib_draws_to_a_hundredth_of_a_point():
    """Of everything with a place: the same elements in the same order, the same numbers but for their rounding."""
    with style():
        figure, axes = canvas()
        rng = np.random.default_rng(0)
        axes.plot(rng.normal(size=300).cumsum(), label="a walk")
        axes.semilogy(rng.uniform(size=30), "o", label="points")
        stream = io.StringIO()
        figure.savefig(stream, format="svg")
        text, short = stream.getvalue(), svg(figure, "a label")
    assert len(short) < 0.9 * len(text)
    drawn, expected = (
        [each for each in ElementTree.fromstring(source).iter() if {"d", "x", "y", "transform"} & set(each.attrib)]
        for source in (short, text)
    )
    assert len(drawn) == len(expected) > 40
    number = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"
    for one, other in zip(drawn, expected, strict=True):
        assert one.tag == other.tag
        assert one.get("transform") == other.get("transform")
        assert one.get("style") == other.get("style")
        for name in ("d", "x", "y"):
            short_path, path = one.get(name, ""), other.get(name, "")
            assert re.sub(number, "", short_path).split() == re.sub(number, "", path).split()
            seen, true = ([float(each) for each in re.findall(number, source)] for source in (short_path, path))
            assert_allclose(seen, true, rtol=0, atol=0.00501)


def test_every_reference_is_there():
    text = picture()
    ids = re.findall(r'\bid="([^"]+)"', text)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    assert used
    assert used <= set(ids)
    assert len(set(ids)) == len(ids)
