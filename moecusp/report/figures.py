"""Pictures as self-contained SVG text, drawn without a display and the same to the byte each time."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, SOFT = "#1c2430", "#8593a3"
BLUE, ORANGE, GREEN, RED = "#1f6fb4", "#d9731a", "#12704a", "#a5271c"

_STYLE: dict[str, Any] = {
    "axes.edgecolor": SOFT,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "grid.color": "#e7ebf0",
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "svg.fonttype": "path",
    "svg.hashsalt": "moecusp",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw with the project's style, whatever the user's own settings."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]
        yield


def canvas(width: float = 6.4, height: float = 4.8) -> tuple[Figure, Any]:
    """Return an empty figure (inches) and its axes, outside any windowing system; use inside `style`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def legend(figure: Figure) -> None:
    """Put the legend of a figure's axes below them, where it hides no data and a phone can show it."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)


def svg(figure: Figure, label: str) -> str:
    """Return the figure as an SVG element that scales with its container, with `label` for screen readers.

    Coordinates are rounded to a hundredth of a point, and what shows nothing is left out: a quarter of the text.
    """
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    body = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    body = re.sub(r'\b(?:d|x|y)="[^"]*"', _rounded, body)
    body = re.sub(r"\s*\n\s*", "\n", body)
    # ids must not clash between the figures of one page
    prefix = "f" + hashlib.sha256(label.encode()).hexdigest()[:6]
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{prefix}-", body)
    escaped = label.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return body.replace("<svg", f'<svg role="img" aria-label="{escaped}"', 1)


def _rounded(attribute: re.Match[str]) -> str:
    return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{round(float(number[0]), 2):g}", attribute[0])
