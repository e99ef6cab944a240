"""The claims to be judged (`claims.toml`): what each says, where it comes from, and which findings follow from it."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("claims.toml")


class ClaimsError(ValueError):
    """The claims do not fit their form, the studies or the findings."""


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes
    ----------
    id, says, source : str
        Its name, the claim in a sentence, and the paper it is made in ("ours" for one of this project).
    judged : mapping
        Study to the ids of the findings that follow from the claim; ``*`` stands for any text.
    tests : tuple of str
        Tests that decide it without a measurement.
    open : str
        What of it is not judged yet, and why; "" if nothing is.
    by : str
        The study that will judge what is open.
    """

    id: str
    says: str
    source: str
    judged: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tests: tuple[str, ...] = ()
    open: str = ""
    by: str = ""

    def names(self, study: str, finding: str) -> bool:
        """Whether a finding of a study judges this claim."""
        return any(fnmatchcase(finding, pattern) for pattern in self.judged.get(study, ()))


@dataclass(frozen=True)
class Claims:
    """All claims, in the order of the file, and the studies, planned ones among them, with a word on each."""

    claims: tuple[Claim, ...]
    studies: Mapping[str, str]


def read(text: str | None = None) -> Claims:
    """Return the claims of a TOML text, by default of `claims.toml`.

    Raises
    ------
    ClaimsError
        If a key is unknown or missing, a text is empty, an id or a finding stands twice, a study is not among the
        studies, or a claim says neither where it is judged nor what is open. The message names the claim.
    """
    try:
        content = tomllib.loads(PATH.read_text(encoding="utf-8") if text is None else text)
    except tomllib.TOMLDecodeError as error:
        raise ClaimsError(f"no TOML, or an id that stands twice: {error}") from error
    _only("the file", content, {"studies", "claims"}, {"studies", "claims"})
    studies = {name: _text(f"study {name}", word) for name, word in content["studies"].items()}
    return Claims(tuple(_claim(id, entry, studies) for id, entry in content["claims"].items()), studies)


def check(claims: Claims, produced: Mapping[str, Collection[str]], controls: Collection[str] = ()) -> None:
    """Compare the claims with the findings that the studies produce, by study.

    Raises
    ------
    ClaimsError
        For a study that no longer runs, a finding named that its study does not produce, and a finding, other than the
        planted controls, that no claim names.
    """
    for claim in claims.claims:
        for study, patterns in claim.judged.items():
            if study not in produced:
                raise ClaimsError(f"{claim.id}: the study {study} does not run; say what is open instead")
            for pattern in patterns:
                if not any(fnmatchcase(finding, pattern) for finding in produced[study]):
                    raise ClaimsError(f"{claim.id}: {study} produces no finding {pattern}")
    for study, found in produced.items():
        for finding in found:
            if finding not in controls and not any(claim.names(study, finding) for claim in claims.claims):
                raise ClaimsError(f"{finding}: no claim names this finding of {study}")


def _claim(id: str, entry: Any, studies: Mapping[str, str]) -> Claim:
    _only(id, entry, {each.name for each in fields(Claim)} - {"id"}, {"says", "source"})
    says, source, open, by = (_text(id, entry[k]) if k in entry else "" for k in ("says", "source", "open", "by"))
    judged = {study: _texts(f"{id}: {study}", found) for study, found in _table(id, entry.get("judged", {})).items()}
    tests = _texts(f"{id}: tests", entry["tests"]) if "tests" in entry else ()
    if not (judged or tests or open):
        raise ClaimsError(f"{id}: neither judged nor a reason why it is open")
    if bool(open) != bool(by):
        raise ClaimsError(f"{id}: open and by go together: what is open, and the study that will judge it")
    for study in (*judged, *([by] if by else ())):
        if study not in studies:
            raise ClaimsError(f"{id}: unknown study {study}; known: {', '.join(studies)}")
    return Claim(id, says, source, judged, tests, open, by)


def _only(where: str, entry: Any, allowed: set[str], needed: set[str]) -> None:
    if not isinstance(entry, dict):
        raise ClaimsError(f"{where}: a table is due")
    if unknown := set(entry) - allowed:
        raise ClaimsError(f"{where}: unknown keys {sorted(unknown)}; known: {sorted(allowed)}")
    if missing := needed - set(entry):
        raise ClaimsError(f"{where}: without {sorted(missing)}")


def _table(id: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ClaimsError(f"{id}: judged: a table is due, not {value!r}")
    return value


def _text(where: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ClaimsError(f"{where}: a text is due, not {value!r}")
    return value


def _texts(where: str, values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not values:
        raise ClaimsError(f"{where}: a list of texts is due, not {values!r}")
    found = tuple(_text(where, value) for value in values)
    if len(set(found)) < len(found):
        raise ClaimsError(f"{where}: one stands twice: {found}")
    return found
