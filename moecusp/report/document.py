"""A report and its three forms: one self-contained HTML page, a Markdown twin, and report.json with a schema."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from moecusp._arguments import ParameterError
from moecusp.report.folder import manifest, replace_folder
from moecusp.report.provenance import Provenance
from moecusp.report.verdict import Finding

SCHEMA_VERSION = 2
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Figure:
    """A picture as SVG text, with a caption that states every fixed parameter; its id names its file."""

    id: str
    title: str
    svg: str
    caption: str

    def __post_init__(self) -> None:
        """Refuse an id that is no name of a file."""
        if not _ID.fullmatch(self.id):
            raise ParameterError("id", self.id, "1 to 100 letters, digits, dots, dashes and underscores, no dot first")


@dataclass(frozen=True)
class Table:
    """A table of text cells."""

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a page under a heading of its own."""

    id: str
    title: str
    text: str = ""
    findings: tuple[Finding, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Predictions stored before anything ran: their SHA-256 and when they were stored (UTC, ISO 8601)."""

    sha256: str
    stored: str


@dataclass(frozen=True)
class Report:
    """All that a report says; `write` puts it into a folder.

    A page that is no study, such as a diagnosis, has no study, profile or plan, and needs no findings.
    """

    title: str
    summary: str
    provenance: Provenance
    study: str | None = None
    profile: str | None = None
    plan: Plan | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    sections: tuple[Section, ...] = ()
    notes: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse two figures of one name, which would share a file."""
        ids = [figure.id.casefold() for figure in self.all_figures]
        if len(set(ids)) < len(ids):
            raise ParameterError("figures", ids, "figures whose ids differ, in more than their case")

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """The findings, and those of the sections."""
        return self.findings + tuple(finding for section in self.sections for finding in section.findings)

    @property
    def all_figures(self) -> tuple[Figure, ...]:
        """The figures, and those of the sections."""
        return self.figures + tuple(figure for section in self.sections for figure in section.figures)

    @property
    def sound(self) -> bool:
        """Whether every planted control came out as planted."""
        return all(finding.sound for finding in self.all_findings)

    def as_json(self) -> dict[str, Any]:
        """Return the content of report.json but for its marker; what is not a finite number becomes null."""
        content = {"schema_version": SCHEMA_VERSION, "sound": self.sound, **asdict(self)}
        parts = [content, *content["sections"]]
        for figure in (figure for part in parts for figure in part["figures"]):
            del figure["svg"]
        stated = iter(self.all_findings)
        for finding in (finding for part in parts for finding in part["findings"]):
            finding["false_alarm"] = next(stated).false_alarm
        plain: dict[str, Any] = _plain(content)
        return plain


def schema() -> dict[str, Any]:
    """Return the JSON schema of report.json."""
    loaded: dict[str, Any] = json.loads(files("moecusp.report").joinpath("schema.json").read_text(encoding="utf-8"))
    return loaded


def write(report: Report, folder: Path) -> Path:
    """Write the report into `folder`, all of it or nothing, in place of an earlier one.

    Parameters
    ----------
    report : Report
        The report.
    folder : Path
        Missing, empty or holding an earlier report; see `check_folder`.

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

    texts = {f"figures/{figure.id}.svg": figure.svg for figure in report.all_figures}
    texts["report.md"] = render("report.md.j2", report=report)
    texts["index.html"] = render("report.html.j2", report=report)
    content = {**manifest(texts), **report.as_json()}
    jsonschema.validate(content, schema())
    texts["report.json"] = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    replace_folder(texts, folder)
    return folder.absolute() / "index.html"


def render(name: str, package: str = "moecusp.report", **values: Any) -> str:
    """Return a template of a package, filled in; what it includes may be of this package."""
    import jinja2

    packages = dict.fromkeys([package, "moecusp.report"])
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(each) for each in packages]),
        autoescape=name.endswith(".html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(number=show, md=escape_markdown, code=code_span)
    return environment.get_template(name).render(**values)


def show(value: float) -> str:
    """Return a number for a reader: four significant digits."""
    return f"{value:.4g}" if math.isfinite(value) else {math.inf: "∞", -math.inf: "−∞"}.get(value, "–")


def escape_markdown(text: object) -> str:
    """Return text that Markdown shows as it is: one line with nothing left to interpret, in a table or out of it."""
    line = " ".join(str(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_\[\]|~$#@])", r"\\\1", line)
    line = line.replace("://", "&#58;//").replace("www.", "www&#46;")
    return re.sub(r"^(?:([-+=:])|(\d+)([.)]))", lambda m: rf"\{m[1]}" if m[1] else rf"{m[2]}\{m[3]}", line)


def code_span(text: object) -> str:
    """Return a Markdown code span that holds the text, backticks and all."""
    line = " ".join(str(text).split()) or "–"
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
