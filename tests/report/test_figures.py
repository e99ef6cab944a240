"""Pictures as text."""

import hashlib
import io
import re
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import is_color_like
from numpy.testing import assert_allclose

from moecusp.report import figures
from moecusp.report.figures import canvas, legend, style, svg
from tests.report.sample import drawn, picture

LABEL = 'A <b> & "c"'
STYLE: dict[Any, object] = {
    "axes.edgecolor": "#8593a3", "axes.grid": True, "axes.labelcolor": "#1c2430", "axes.spines.right": False,
    "axes.spines.top": False, "font.family": ["DejaVu Sans"], "font.size": 11.0, "grid.color": "#e7ebf0",
    "legend.frameon": False, "legend.fontsize": 9.5, "svg.fonttype": "path", "svg.hashsalt": "moecusp",
    "text.color": "#1c2430", "xtick.color": "#1c2430", "ytick.color": "#1c2430",
}  # fmt: skip


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


def test_one_element_with_a_label_and_nothing_of_the_day():
    text = drawn(LABEL)
    assert text.startswith('<svg role="img" aria-label="A &lt;b> &amp; &quot;c&quot;" ')
    root = ElementTree.fromstring(text)
    assert (root.tag.rpartition("}")[2], root.attrib["role"], root.attrib["aria-label"]) == ("svg", "img", LABEL)
    assert text.count("<svg") == 1
    for foreign in ("<metadata", "matplotlib.org", "<?xml", "<!DOCTYPE"):
        assert foreign.lower() not in text.lower()


def test_every_reference_is_there():
    text = drawn(LABEL)
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(set(ids)) == len(ids) > 10
    links = re.findall(r'xlink:href="#([^"]+)"', text), re.findall(r"url\(#([^)]+)\)", text)
    assert all(links)
    prefix = f"f{hashlib.sha256(LABEL.encode()).hexdigest()[:6]}-"
    assert all(name.startswith(prefix) for name in [*ids, *links[0], *links[1]])
    assert set(links[0] + links[1]) <= set(ids)


class Drawn:
    """A figure of known text."""

    text = (
        '<?xml version="1.0"?>\n<svg width="9.1234">\n <metadata>\n a\n </metadata>\n <metadata>b</metadata>\n'
        '  <path id="p" d="M 1.23456 -0.0049 L 12 3.125 2.50 1e-3 100.999" style="x: 1.2345" x2="0.5555"/> \n'
        '\n  <use x="0.666" y="-7.3333" xlink:href="#p" clip-path="url(#q)"/><svg/></svg>\n'
    )

    def savefig(self, stream, **options):
        assert options == {"format": "svg", "metadata": {"Date": None, "Creator": None}}
        stream.write(self.text)


def test_what_is_left_of_a_text():
    """Coordinates to a hundredth where they have three decimals, no metadata, no indents, ids of its own."""
    prefix = f"f{hashlib.sha256(b'a').hexdigest()[:6]}"
    assert svg(Drawn(), "a") == (  # type: ignore[arg-type]
        '<svg role="img" aria-label="a" width="9.1234">\n'
        f'<path id="{prefix}-p" d="M 1.23 -0 L 12 3.12 2.50 1e-3 101" style="x: 1.2345" x2="0.5555"/>\n'
        f'<use x="0.67" y="-7.33" xlink:href="#{prefix}-p" clip-path="url(#{prefix}-q)"/><svg/></svg>\n'
    )


def test_the_style_holds_inside_and_ends():
    with mpl.rc_context({"lines.linewidth": 9.0, "axes.grid": False, "figure.dpi": 33.0}):
        with style():
            assert mpl.rcParams["lines.linewidth"] == mpl.rcParamsDefault["lines.linewidth"]
            assert mpl.rcParams["figure.dpi"] == mpl.rcParamsDefault["figure.dpi"]
            assert {name: mpl.rcParams[name] for name in STYLE} == STYLE
        assert (mpl.rcParams["lines.linewidth"], mpl.rcParams["axes.grid"]) == (9.0, False)
        with pytest.raises(KeyError), style():
            raise KeyError
        assert mpl.rcParams["lines.linewidth"] == 9.0


def test_a_canvas_has_one_pair_of_axes_in_a_layout_without_overlap():
    figure, axes = canvas()
    assert (*figure.get_size_inches(), figure.axes) == (6.4, 4.8, [axes])
    assert type(figure.get_layout_engine()).__name__ == "ConstrainedLayoutEngine"
    assert (*canvas(3.0, 2.0)[0].get_size_inches(),) == (3.0, 2.0)


def test_a_legend_stands_below_the_axes_in_two_columns():
    figure, axes = canvas()
    lines = [*axes.plot([0, 1], color="red", label="first"), *axes.plot([1, 0], color="blue", label="second")]
    legend(figure)
    assert axes.get_legend() is None
    (found,) = figure.legends
    assert [text.get_text() for text in found.get_texts()] == ["first", "second"]
    assert [line.get_color() for line in found.get_lines()] == [line.get_color() for line in lines]
    assert found._ncols == 2  # type: ignore[attr-defined]
    svg(figure, "drawn")
    below, above = found.get_window_extent(), axes.get_window_extent()
    assert below.y1 <= above.y0
    assert abs((below.x0 + below.x1) / 2 - figure.bbox.width / 2) < 1.0


def test_colours_are_colours():
    found = [getattr(figures, name) for name in ("INK", "SOFT", "BLUE", "ORANGE", "GREEN", "RED")]
    assert all(is_color_like(each) for each in found)
    assert len(set(found)) == len(found)
