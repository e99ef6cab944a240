"""A share of the families of transformers against the truth (`make families`: all), and the page that lists them."""

from zlib import crc32

import pytest

pytest.importorskip("transformers")

import transformers

from tests.routing import families, table, truth

NAMES = families.families()
WAYS = {
    "dbrx", "deepseek_v3", "deepseek_v4", "doge", "ernie4_5_moe", "ernie4_5_vl_moe", "gemma4", "gpt_oss", "granitemoe",
    "jetmoe", "llama4", "longcat_flash", "mixtral", "nllb_moe", "olmoe", "qwen3_moe", "qwen3_omni_moe_talker",
    "switch_transformers", "zaya",
}  # fmt: skip
"""Every way of choosing and of being called, once at least; the others are built like one of them."""
THIRD = {name for name in NAMES if crc32(name.encode()) % 3 == 0}  # of all, whatever they are called next
REFUSED = {"hunyuan_v1_moe": "weights of shape"}  # of transformers 5.0, which multiplies by those of other experts
SHARE = sorted(WAYS | THIRD)

PAGE = families.PAGE.read_text(encoding="utf-8")
pytestmark = pytest.mark.filterwarnings("ignore")  # transformers' own


@pytest.mark.parametrize("family", SHARE)
def test_a_family_is_recorded_as_it_is(family):
    if family not in NAMES:
        pytest.skip(f"not in transformers {transformers.__version__}")
    if family in REFUSED and not families.KNOWN:
        with pytest.raises(RuntimeError, match=REFUSED[family]):
            table.row(family)
        return
    cells, right = table.row(family)
    assert right, cells
    assert not families.KNOWN or table.line(cells) in PAGE


@pytest.mark.skipif(not families.KNOWN, reason="the page is of another version of transformers")
def test_the_page_lists_every_family_and_all_are_exact():
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ")][1:]
    assert [cells[0][2:] for cells in rows] == NAMES
    for cells in rows:
        same, slots = cells[8].split("/")
        assert same == slots
        assert "no" not in cells[9:]


@pytest.mark.skipif(not families.KNOWN, reason="the page is of another version of transformers")
def test_no_experts_are_left_out():
    """Every class of experts in every modeling file is in the page, those of vision and speech too."""
    for family in sorted({families.PARTS.get(name, (name,))[0] for name in NAMES}):
        for name in families.experts_classes(family):
            assert name in PAGE, f"{family}: {name}"


def test_the_truth_is_not_what_the_recorder_says():
    """A recorder that took one expert for another would be found out."""
    model = families.build("mixtral")
    trace, kept = table.run(model)
    chosen = trace.records[0].sample.chosen.copy()
    chosen[0] = chosen[0][::-1]
    object.__setattr__(trace.records[0].sample, "chosen", chosen)
    same, slots = truth.agreement(model, kept, trace)
    assert same == slots - 2
