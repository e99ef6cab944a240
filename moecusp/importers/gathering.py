"""Rows of counts, gathered into a trace: one row is one batch of one site."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from moecusp._arguments import ParameterError
from moecusp.trace import RoutingTrace, Site, SiteTrace, TraceFileError
from moecusp.trace.arrays import Integers, naturals

MAX_CELLS = 2**27  # counts of all sites and batches: 1 GiB
ROW = 128  # cells that a row costs besides its counts
MAX_SITES = 10_000


class Gathering:
    """Rows of a file, in its order."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path, self._cells = path, 0
        self._sites: dict[str, Site] = {}
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def add(
        self,
        where: str,
        site: Mapping[str, Any],
        counts: Any,
        *,
        tokens: Any = None,
        unrouted: Mapping[str, Any] | None = None,
        bias: Any = None,
        step: Any = None,
    ) -> None:
        """Take one batch of a site, given by `Site` arguments; without tokens, as many as the slots need."""
        try:
            row = naturals("counts", counts, (None,))
            place = Site(**{"experts": row.size, **site})
            known = self._sites.setdefault(place.name, place)
            if place != known:
                raise ParameterError("site", place, f"as before: {known}")
            if len(self._sites) > MAX_SITES:
                raise ParameterError("sites", len(self._sites), f"at most {MAX_SITES}")
            self._cells += ROW + row.size * (1 if bias is None else 2)
            if self._cells > MAX_CELLS:
                raise ParameterError("counts", f"more than {MAX_CELLS}", "fewer: import parts of the file and sum them")
            slots = dict(unrouted or {})
            count = _tokens(place, row, slots) if tokens is None else tokens
            self._rows.setdefault(place.name, []).append(
                {"counts": row, "tokens": count, "unrouted": slots, "bias": _floats(bias), "steps": step}
            )
        except ParameterError as error:
            raise TraceFileError(self.path, f"{where}: {error}") from error

    def trace(self, source: str) -> RoutingTrace:
        """Return the trace of all rows, or raise TraceFileError if there is none or they make no trace."""
        try:
            if not self._rows:
                raise ParameterError("counts", "none", "there")
            records = [self._record(self._sites[name], rows) for name, rows in self._rows.items()]
            return RoutingTrace(records, {"imported from": source})
        except ParameterError as error:
            raise TraceFileError(self.path, str(error)) from error

    def _record(self, site: Site, rows: list[dict[str, Any]]) -> SiteTrace:
        columns = {name: [row[name] for row in rows] for name in ("counts", "tokens", "bias", "steps")}
        for name in ("bias", "steps"):
            if any((value is None) != (columns[name][0] is None) for value in columns[name]):
                raise ParameterError(f"{site.name}: {name}", "in some lines", "in all lines or in none")
        kinds = {kind for row in rows for kind in row["unrouted"]}
        unrouted = {kind: [row["unrouted"].get(kind, 0) for row in rows] for kind in kinds}
        bias = None if columns["bias"][0] is None else _stacked(columns["bias"])
        steps = None if columns["steps"][0] is None else columns["steps"]
        return SiteTrace(site, np.stack(columns["counts"]), columns["tokens"], unrouted, bias, steps)


def _tokens(site: Site, row: Integers, slots: Mapping[str, Any]) -> int:
    others = sum(int(naturals(kind, count, ())) for kind, count in slots.items() if kind != "padded")
    total = int(row.sum()) + others
    if total % site.k:
        raise ParameterError("counts", f"{total} slots", f"a multiple of k = {site.k}, or with the number of tokens")
    return total // site.k


def _floats(bias: Any) -> Any:
    try:
        return None if bias is None else np.asarray(bias, np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise ParameterError("bias", bias, "numbers, one for each expert") from error


def _stacked(rows: list[Any]) -> Any:
    if any(row.shape != rows[0].shape for row in rows):
        raise ParameterError("bias", [row.shape for row in rows][:3], "one number for each expert")
    return np.stack(rows)
