"""The table of verdicts, as Markdown and as JSON: a row for each claim and finding, a column a seed."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from moecusp.report import Provenance, Verdict
from moecusp.report.document import show
from validation.seeds.runs import Result

SHARE = 0.95
"""Of the seeds that have to agree: 19 of 20."""
SYMBOLS = {Verdict.SUPPORTED.value: "S", Verdict.REFUTED.value: "R", Verdict.INCONCLUSIVE.value: "?"}


@dataclass(frozen=True)
class Row:
    """The verdicts of one claim or finding, seed by seed; `expected` is that of a planted control."""

    name: str
    verdicts: tuple[str, ...]
    expected: str | None = None

    @property
    def usual(self) -> str:
        """The verdict of most seeds."""
        return Counter(self.verdicts).most_common(1)[0][0]

    @property
    def agreeing(self) -> int:
        """How many seeds have it."""
        return self.verdicts.count(self.usual)

    @property
    def stands(self) -> bool:
        """Whether enough seeds agree, and on what was planted if that is known."""
        return self.agreeing >= math.ceil(SHARE * len(self.verdicts)) and self.expected in (None, self.usual)


@dataclass(frozen=True)
class Table:
    """The verdicts of a study."""

    title: str
    study: str
    profile: str
    provenance: Provenance
    results: tuple[Result, ...]

    @property
    def claims(self) -> tuple[Row, ...]:
        """A row a claim of the ledger."""
        return tuple(Row(name, tuple(r.claims[name] for r in self.results)) for name in self.results[0].claims)

    @property
    def findings(self) -> tuple[Row, ...]:
        """A row a finding."""
        return tuple(
            Row(name, tuple(r.findings[name]["verdict"] for r in self.results), first["expected"])
            for name, first in self.results[0].findings.items()
        )

    @property
    def wavering(self) -> tuple[Row, ...]:
        """The rows that do not stand."""
        return tuple(row for row in (*self.claims, *self.findings) if not row.stands)

    @property
    def same(self) -> tuple[str, ...]:
        """The parts that measured the same at every seed."""
        first, *others = (result.measured for result in self.results)
        return tuple(name for name in first if others and all(each[name] == first[name] for each in others))


def data(table: Table) -> str:
    """Return the table as JSON."""
    first, *_ = table.results
    content: dict[str, Any] = {
        "study": table.study,
        "profile": table.profile,
        "provenance": asdict(table.provenance),
        "wavering": [row.name for row in table.wavering],
        "same": table.same,
        "seeds": [result.seed for result in table.results],
        "seconds": [result.seconds for result in table.results],
        "claims": {row.name: row.verdicts for row in table.claims},
        "findings": {
            name: {key: [result.findings[name][key] for result in table.results] for key in finding}
            for name, finding in first.findings.items()
        },
        "measured": {name: [result.measured[name][:16] for result in table.results] for name in first.measured},
    }
    return json.dumps(content, separators=(",", ":")) + "\n"


def page(table: Table) -> str:
    """Return the table as Markdown."""
    return "\n".join(_lines(table)) + "\n"


def _lines(table: Table) -> Iterator[str]:
    count, source = len(table.results), table.provenance
    seconds = [result.seconds for result in table.results]
    yield f"# Verdicts by seed: {table.study}, {table.profile}"
    yield ""
    yield f"{table.title}. {count} seeds, each a whole run of the study: S is SUPPORTED, R REFUTED, ? INCONCLUSIVE."
    yield f"A verdict stands if at least {math.ceil(SHARE * count)} seeds agree on it."
    yield ""
    if table.wavering:
        yield f"**Do not stand:** {', '.join(row.name for row in table.wavering)}."
    else:
        yield "All stand."
    if table.claims:
        yield from _section("Claims, as the ledger of each seed has them", table, table.claims, {})
    spread = {row.name: _spread([r.findings[row.name] for r in table.results]) for row in table.findings}
    yield from _section("Findings", table, table.findings, spread)
    yield ""
    yield "Planted controls have to be as planted. Estimates: least, median and largest over the seeds, beside the"
    yield "accepted band."
    yield ""
    yield "## Provenance"
    yield ""
    yield f"- command: `{source.command}`"
    yield f"- commit: `{source.commit.removesuffix('+')}`" + (
        ", with uncommitted changes" if source.commit.endswith("+") else ""
    )
    yield f"- hardware: {source.device}; started {source.started}"
    yield f"- a seed took {min(seconds):.0f} to {max(seconds):.0f} s, all of them {sum(seconds) / 60:.0f} min"
    yield f"- versions: {', '.join(f'{name} {version}' for name, version in source.versions.items())}"
    yield f"- parts that measured the same at every seed: {', '.join(table.same) or 'none'}"


def _section(title: str, table: Table, rows: Sequence[Row], more: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    seeds = [str(result.seed) for result in table.results]
    columns = [title.partition(",")[0].lower()[:-1], *seeds, "agree", *(["estimates", "accepted"] if more else [])]
    yield from ("", f"## {title}", "", _row(columns), _row(["---"] * len(columns)))
    for row in rows:
        control = f" (control: {SYMBOLS[row.expected]})" if row.expected else ""
        agree = f"{row.agreeing}/{len(row.verdicts)}"
        cells = [SYMBOLS[verdict] for verdict in row.verdicts]
        yield _row([row.name + control, *cells, agree if row.stands else f"**{agree}**", *more.get(row.name, ())])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _spread(found: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return the least, median and largest estimate, and the accepted band."""
    known = sorted(each["estimate"] for each in found if each["estimate"] is not None)
    middle = (known[0], known[len(known) // 2], known[-1]) if known else ()
    low, high = found[0]["accepted"]
    return ", ".join(map(show, middle)) or "none", f"[{show(low)}, {show(high)}]"
