"""What a study hands over to the report."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from moecusp.report import Figure, Finding, Table

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""progress(title, steps) is a context that yields a function to be called with the number of steps done."""


@dataclass(frozen=True)
class Outcome:
    """What a study found, ready for a report."""

    title: str
    summary: str
    parameters: dict[str, Any]
    findings: tuple[Finding, ...]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    data: dict[str, Any]
