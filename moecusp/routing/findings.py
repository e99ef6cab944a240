"""What an examination of a model found: one line for each check and router, a table of them, and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

SCHEMA_VERSION = 1
INFINITE = "look for weights that are not finite, or for an overflow before this layer (a wider dtype)"
WHOLE = "model"  # where a finding is about no router in particular


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"  # may be meant; to be looked at before training
    FAIL = "fail"  # training or recording as it stands goes wrong
    NONE = "not applicable"


@dataclass(frozen=True)
class Finding:
    """What one check found at one router.

    Attributes
    ----------
    check : str
        What was looked at.
    site : str
        The path of the router's experts; "model" for the whole.
    state : State
        How it came out.
    reason : str
        Why, in one line.
    remedy : str
        What to do; "" if nothing.
    """

    check: str
    site: str
    state: State
    reason: str
    remedy: str = ""


@dataclass(frozen=True)
class Examination:
    """All findings about a model, in the order of the checks and, in each, of the routers.

    Attributes
    ----------
    model : str
        Class of the model.
    findings : tuple of Finding
        Iterating gives them too.
    """

    model: str
    findings: tuple[Finding, ...]

    def __iter__(self) -> Iterator[Finding]:
        """Iterate over the findings."""
        return iter(self.findings)

    def __getitem__(self, check: str) -> tuple[Finding, ...]:
        """Return the findings of a check."""
        return tuple(finding for finding in self.findings if finding.check == check)

    @property
    def status(self) -> int:
        """2 if anything failed, 1 if there is a warning, else 0: the exit status of ``moecusp doctor``."""
        states = {finding.state for finding in self.findings}
        return 2 if State.FAIL in states else int(State.WARN in states)

    def summary(self) -> dict[str, Any]:
        """Return everything as plain objects: what ``moecusp doctor --json`` prints."""
        found = [asdict(finding) | {"state": finding.state.value} for finding in self.findings]
        return {"schema_version": SCHEMA_VERSION, "model": self.model, "status": self.status, "findings": found}

    def table(self) -> str:
        """Return one line for each check and for all routers of which it found the same, then what to do."""
        rows = [["check", "where", "state", "reason"]]
        remedies = []
        for (check, state, reason, remedy), group in groupby(self._alike(), key=lambda each: each[0]):
            sites = [site for _, site in group]
            rows.append([check, _named(sites), state, reason])
            if remedy and remedy not in remedies:
                remedies.append(remedy)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        widths[-1] = 0
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, *(f"to do: {remedy}" for remedy in remedies)])

    def __str__(self) -> str:
        """Return the table."""
        return self.table()

    def _alike(self) -> Iterable[tuple[tuple[str, str, str, str], str]]:
        """Give what findings say beside their sites, those of a check that say the same one after the other."""
        said = [((f.check, f.state.value, f.reason, f.remedy), f.site) for f in self.findings]
        first = {what: i for i, (what, _) in reversed(list(enumerate(said)))}
        return sorted(said, key=lambda each: first[each[0]])


def _named(sites: list[str]) -> str:
    """Return one path, or the number of them with what they have in common."""
    if len(sites) == 1:
        return sites[0] if len(sites[0]) <= 40 else "..." + sites[0][-37:]
    return f"{len(sites)} routers"
