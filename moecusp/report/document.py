"""A report and its three forms: one self-contained HTML page, a Markdown twin, and report.json with a schema."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from moecusp._arguments import ParameterError
from moecusp.report.provenance import Provenance
from moecusp.report.verdict import Finding

SCHEMA_VERSION = 2
FILES = ("index.html", "report.md", "report.json")


@dataclass(frozen=True)
class Figure:
    """A picture as SVG text, with a caption that states every fixed parameter."""

    id: str
    title: str
    svg: str
    caption: str


@dataclass(frozen=True)
class Table:
    """A table of text cells."""

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Report:
    """All that a report says; `write` puts it into a folder."""

    title: str
    summary: str
    study: str
    profile: str
    provenance: Provenance
    parameters: dict[str, Any]
    findings: tuple[Finding, ...]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether every planted control came out as planted."""
        return all(finding.sound for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return the content of report.json; what is not a finite number becomes null."""
        content = {"schema_version": SCHEMA_VERSION, "sound": self.sound, **asdict(self)}
        for figure in content["figures"]:
            del figure["svg"]
        for finding, stated in zip(content["findings"], self.findings, strict=True):
            finding["false_alarm"] = stated.false_alarm
        finite: dict[str, Any] = _finite(content)
        return finite


def schema() -> dict[str, Any]:
    """Return the JSON schema of report.json."""
    loaded: dict[str, Any] = json.loads(files("moecusp.report").joinpath("schema.json").read_text())
    return loaded


def check_folder(folder: Path) -> None:
    """Raise ParameterError unless `folder` can be written: asked before any work starts.

    It may be missing, empty, or hold an earlier report; a folder with anything else in it is left alone.
    """
    if folder.exists():
        if not folder.is_dir():
            raise ParameterError("output", str(folder), "a folder")
        others = sorted(set(os.listdir(folder)) - {*FILES, "figures"})
        if others:
            raise ParameterError("output", str(folder), f"a folder of its own: this one holds {others[0]!r}")
    parent = folder.absolute().parent
    while not parent.exists():
        parent = parent.parent
    try:
        with tempfile.TemporaryFile(dir=parent):
            pass
        if folder.exists():
            with tempfile.TemporaryFile(dir=folder):
                pass
    except OSError as error:
        raise ParameterError("output", str(folder), f"a folder that can be written ({error.strerror})") from error


def write(report: Report, folder: Path) -> Path:
    """Write the report into `folder`, all of it or nothing, in place of an earlier one.

    Parameters
    ----------
    report : Report
        The report.
    folder : Path
        Missing, empty or holding an earlier report.

    Returns
    -------
    Path
        Of the HTML page.

    Raises
    ------
    ParameterError
        If the folder cannot be written or holds anything else.
    jsonschema.ValidationError
        If report.json would not fit its schema.
    """
    import jsonschema

    check_folder(folder)
    content = report.as_json()
    jsonschema.validate(content, schema())
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        (fresh / "figures").mkdir()
        for figure in report.figures:
            (fresh / "figures" / f"{figure.id}.svg").write_text(figure.svg, encoding="utf-8")
        (fresh / "report.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        (fresh / "report.md").write_text(_render("report.md.j2", report), encoding="utf-8")
        (fresh / "index.html").write_text(_render("report.html.j2", report), encoding="utf-8")
        _replace(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder / "index.html"


def _replace(fresh: Path, folder: Path) -> None:
    """Put `fresh` in the place of `folder` by renaming; the old report is gone only when the new one stands."""
    old = fresh.with_name(fresh.name + "-old")
    try:
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    except BaseException:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _render(name: str, report: Report) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("moecusp.report"),
        autoescape=name.endswith(".html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = show
    return environment.get_template(name).render(report=report)


def show(value: float) -> str:
    """Return a number for a reader: four significant digits."""
    return f"{value:.4g}" if math.isfinite(value) else {math.inf: "∞", -math.inf: "−∞"}.get(value, "–")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
