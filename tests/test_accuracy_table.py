"""The accuracy page: no region may get worse than the stored table, and the page is that table."""

from __future__ import annotations

import copy
import json

import pytest

from validation.accuracy import table as accuracy
from validation.accuracy.members import members


@pytest.fixture(scope="module")
def stored() -> accuracy.Rows:
    rows: accuracy.Rows = json.loads(accuracy.TABLE.read_text())
    return rows


def test_no_region_got_worse(stored: accuracy.Rows) -> None:
    assert accuracy.worse(accuracy.measure(), stored) == []


def test_every_region_is_within_the_promise(stored: accuracy.Rows) -> None:
    worst = {name: max(row["moecusp"] for row in regions.values()) for name, regions in stored.items()}
    others = members().keys()
    assert max(value for name, value in worst.items() if name not in others) <= 2.5
    assert max(worst[name] for name in others) <= 4.0


def test_a_worse_region_is_noticed(stored: accuracy.Rows) -> None:
    worse = copy.deepcopy(stored)
    worse["equilibria"]["g = 1"]["moecusp"] += 1
    assert len(accuracy.worse(worse, stored)) == 1
    worse["fold_gain"]["eta below 1e-3"]["moecusp"] = float("nan")
    assert len(accuracy.worse(worse, stored)) == 2


def test_the_page_is_the_table(stored: accuracy.Rows) -> None:
    assert accuracy.PAGE.read_text() == accuracy.page(stored)
