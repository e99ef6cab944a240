"""A share of the families of transformers against the truth (`make families`: all), and the page that lists them."""

import pytest

pytest.importorskip("transformers")

import transformers

from tests.routing import families, table, truth

NAMES = families.families()
SHARE = sorted({
    "dbrx", "deepseek_v3", "deepseek_v4", "doge", "ernie4_5_moe", "gemma4", "gpt_oss", "granitemoe", "jetmoe", "llama4",
    "longcat_flash", "mixtral", "nllb_moe", "olmoe", "qwen3_moe", "switch_transformers", "zaya",
})  # fmt: skip
"""Every way of choosing and of being called, once at least; the others are built like one of them."""

PAGE = table.PAGE.read_text(encoding="utf-8")
SAME = f"transformers {transformers.__version__}:" in PAGE
pytestmark = pytest.mark.filterwarnings("ignore")  # transformers' own


@pytest.mark.parametrize("family", SHARE)
def test_a_family_is_recorded_as_it_is(family):
    if family not in NAMES:
        pytest.skip(f"not in transformers {transformers.__version__}")
    cells, right = table.row(family)
    assert right, cells
    assert not SAME or table.line(cells) in PAGE


@pytest.mark.skipif(not SAME, reason="the page is of another version of transformers")
def test_the_page_lists_every_family_and_all_are_exact():
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ")][1:]
    assert [cells[0][2:] for cells in rows] == NAMES
    for cells in rows:
        same, slots = cells[8].split("/")
        assert same == slots
        assert "no" not in cells[9:]


def test_the_truth_is_not_what_the_recorder_says():
    """A recorder that took one expert for another would be found out."""
    model = families.build("mixtral")
    trace, kept = table.run(model, "mixtral")
    chosen = trace.records[0].sample.chosen.copy()
    chosen[0] = chosen[0][::-1]
    object.__setattr__(trace.records[0].sample, "chosen", chosen)
    same, slots = truth.agreement(model, kept, trace)
    assert same == slots - 2
