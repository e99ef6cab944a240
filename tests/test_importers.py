"""Importers: what was recorded comes back, and a bad file is refused with its line, in bounded time and memory."""

import json
import os
import tempfile

import pytest
from hypothesis import given

import moecusp as mc
from moecusp.importers import gathering, read_csv, read_jsonl, read_megatron_log, write_jsonl
from moecusp.importers.lines import MAX_LINE
from moecusp.trace import SiteTrace, TraceFileError
from tests.examples import examples
from tests.refusals import refused_import
from tests.traces import traces

ROW = {"name": "a", "layer": 3, "k": 2, "counts": [5, 3], "tokens": 4}


class TestJSONL:
    @given(trace=traces())
    @examples(60)
    def test_counts_come_back(self, trace):
        with tempfile.TemporaryDirectory() as folder:
            again = read_jsonl(write_jsonl(trace, f"{folder}/t.jsonl"))
        for mine, theirs in zip(trace, again, strict=True):
            bias = None if mine.bias is None else mine.bias.astype(float)
            slots = dict(mine.unrouted)
            assert theirs == SiteTrace(mine.site, mine.counts, mine.tokens, slots, bias, mine.steps)

    def test_lines_of_sites_may_alternate(self, tmp_path):
        rows = [{**ROW, "step": 1}, {**ROW, "name": "b", "layer": 1}, {**ROW, "step": 2, "counts": [4, 4]}]
        path = tmp_path / "t.jsonl"
        path.write_text("\ufeff" + "\n\n".join(json.dumps(row) for row in rows), encoding="utf-8")
        trace = read_jsonl(path)
        assert [record.site.name for record in trace] == ["b", "a"]
        assert trace["a"].counts.tolist() == [[5, 3], [4, 4]]
        assert trace["a"].steps.tolist() == [1, 2]

    @pytest.mark.parametrize(
        ("second", "reason"),
        [
            ("{", "line 2: not JSON"),
            ("[" * 100_000, "line 2: not JSON"),
            (b"\xff\xfe", "line 2 is not UTF-8"),
            ("[1]", "line 2: must be an object with counts, k, layer, name, tokens"),
            ({"counts": None}, "line 2: counts"),
            ({"more": 1}, "line 2: must be an object"),
            ({"counts": [5, 3, 0]}, "line 2: site"),  # another number of experts
            ({"counts": []}, "line 2: counts.dtype"),
            ({"counts": [[5], [3]]}, "line 2: counts.shape"),
            ({"counts": ["5", "3"]}, "line 2: counts.dtype"),
            ({"counts": [5.0, 3.0]}, "line 2: counts.dtype"),
            ({"counts": [-1, 9]}, "line 2: counts"),
            ({"counts": [2**80, 0]}, "line 2: counts"),
            ({"counts": [2**62, 0]}, "line 2: counts"),
            ({"layer": 4}, "line 2: site"),
            ({"k": 0}, "line 2: k"),
            ({"name": "\x1b[2J"}, "line 2: name"),
            ({"name": {}}, "line 2: name"),
            ({"role": "x"}, "line 2: role"),
            ({"tokens": 5}, "counts.1. and unrouted"),
            ({"tokens": "4"}, "tokens"),
            ({"unrouted": {"lost": 1}}, "line 2: unrouted"),
            ({"unrouted": [1]}, "line 2: unrouted"),
            ({"unrouted": {"dropped": "a"}}, "dropped"),
            ({"bias": [0.0, 0.0]}, "in all lines or in none"),
            ({"step": 1}, "in all lines or in none"),
            ('{"name": "a", "name": "b"}', "line 2: not JSON.*twice"),
            ('{"counts": [NaN, 1]}', "line 2: not JSON.*NaN"),
        ],
    )
    def test_refuses(self, tmp_path, second, reason):
        if isinstance(second, dict):
            second = json.dumps({**ROW, **second})
        if isinstance(second, str):
            second = second.encode()
        path = tmp_path / "t.jsonl"
        path.write_bytes(json.dumps(ROW).encode() + b"\n" + second)
        refused_import(read_jsonl, path, reason)

    def test_bias_must_fit(self, tmp_path):
        path = tmp_path / "t.jsonl"
        for bias, reason in (([1.0], "bias"), (["a", "b"], "bias"), ({}, "bias"), ([1.0, 10**400], "bias")):
            path.write_text(json.dumps({**ROW, "bias": bias}))
            refused_import(read_jsonl, path, reason)
        path.write_text(json.dumps({**ROW, "bias": [1.0, 2.0]}) + "\n" + json.dumps({**ROW, "bias": [1.0]}))
        refused_import(read_jsonl, path, "bias")

    def test_bounds(self, tmp_path, monkeypatch):
        path = tmp_path / "t.jsonl"
        path.write_bytes(b'{"name": "' + b"a" * (5 * MAX_LINE))  # one line without an end
        refused_import(read_jsonl, path, f"line 1 is longer than {MAX_LINE} bytes")
        path.write_text("\n".join([json.dumps(ROW)] * 50))
        with pytest.raises(TraceFileError, match="max_bytes"):
            read_jsonl(path, max_bytes=100)
        monkeypatch.setattr(gathering, "MAX_CELLS", 20 * 130)
        refused_import(read_jsonl, path, "line 21: counts")
        monkeypatch.undo()
        monkeypatch.setattr(gathering, "MAX_SITES", 10)
        path.write_text("\n".join(json.dumps({**ROW, "name": f"s{i}"}) for i in range(50)))
        refused_import(read_jsonl, path, "line 11: sites")
        path.write_text("\n \n")
        refused_import(read_jsonl, path, "counts")
        os.mkfifo(tmp_path / "pipe")
        for name in ("pipe", "none.jsonl", "."):
            with pytest.raises(TraceFileError):
                read_jsonl(tmp_path / name)
        with pytest.raises(mc.ParameterError, match="trace"):
            write_jsonl(ROW, path)  # type: ignore[arg-type]


class TestCSV:
    def test_rows_in_any_order(self, tmp_path):
        rows = [
            "count, expert ,step,layer",
            "3,1,10,9",
            "5,0,10,9",
            "4,0,20,9",
            "4.0,1,20,9",
            "8,0,10,10",
            '"0",1,10,10',
        ]
        path = tmp_path / "t.csv"
        path.write_text("\n".join(rows))
        trace = read_csv(path, k=2)
        assert [record.site.name for record in trace] == ["layer 9", "layer 10"]
        assert trace["layer 9"].counts.tolist() == [[5, 3], [4, 4]]
        assert trace["layer 9"].steps.tolist() == [10, 20]
        assert trace["layer 9"].tokens.tolist() == [4, 4]

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("layer,expert,share\n0,0,0.5", "line 1: the columns"),
            ("layer,expert,count,count\n0,0,1,1", "line 1: the columns"),
            ("layer,expert,count\n0,0,0.5", "line 2: must hold a whole number"),
            ("layer,expert,count\n0,0,-1", "line 2"),
            ("layer,expert,count\n0,0,1e9", "line 2"),
            ("layer,expert,count\n0,0,٣", "line 2"),
            ("layer,expert,count\n0,0,99999999999999999999", "line 2"),
            ("layer,expert,count\n0,0", "line 2"),
            ('layer,expert,count\n0,0,"1', "line 2"),
            ("layer,expert,count\n0,99999,1", "line 2: expert = 99999"),
            ("layer,expert,count\n0,0,1\n0,0,1", "line 3: expert 0 of layer 0 was there before"),
            ("layer,expert,count\n0,0,1\n0,2,1", "layer 0, step 0: 2 of 3 experts"),
            ("layer,expert,count\n0,0,1\n0,1,2", "multiple of k = 2"),
            ("layer,expert,count\n", "counts"),
            ("", "counts"),
        ],
    )
    def test_refuses(self, tmp_path, text, reason):
        path = tmp_path / "t.csv"
        path.write_text(text)
        refused_import(read_csv, path, reason, 2)


class TestMegatronLog:
    def test_what_logs_look_like(self, tmp_path):
        path = tmp_path / "train.log"
        path.write_text(
            "building GPT model ...\n"
            " iteration        1/     100 | consumed samples: 8 | lm loss: 1.0E+00 |\n"
            "[rank0] layer_number: 2 global tokens_per_expert = tensor([5., 3.], device='cuda:0')\n"
            "[rank0] layer_number: 12 global tokens_per_expert = tensor([4, 4])\n"
            "Iteration=2 layer 2 tokens_per_expert [ 6, 2, ]\n"
            "layer.12 tokens_per_expert: [8.00, 0]\n"
        )
        trace = read_megatron_log(path, k=2)
        assert [record.site.name for record in trace] == ["layer 2", "layer 12"]
        assert trace["layer 2"].counts.tolist() == [[5, 3], [6, 2]]
        assert trace["layer 12"].counts.tolist() == [[4, 4], [8, 0]]
        assert trace["layer 2"].steps.tolist() == [1, 2]

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("nothing\nhere", "counts"),
            ("tokens_per_expert: [5, 3]", "line 1: must have layer N"),
            ("layer 2 tokens_per_expert: 5", "line 1: must have"),
            ("layer 2 tokens_per_expert: [5, 3", "line 1: must have"),
            ("layer 2 tokens_per_expert: []", "line 1: must have"),
            ("layer 2 tokens_per_expert: [0.5, 0.5]", "line 1: must have"),
            ("layer 2 tokens_per_expert: [5, -3]", "line 1: must have"),
            ("layer 2 tokens_per_expert: [5, nan]", "line 1: must have"),
            ("layer 2 tokens_per_expert: [__import__('os').mkdir('x'), 3]", "line 1: must have"),
            ("layer 2 tokens_per_expert: [5, 3] tokens_per_expert: [5, 3]", "line 1: must have"),
            ("layer 2 tokens_per_expert: [5, 4]", "line 1: .*multiple of k = 2"),
            ("layer 2 tokens_per_expert: [5, 3]\nlayer 2 tokens_per_expert: [5, 3, 0]", "line 2: site"),
            ("step 2 layer 2 tokens_per_expert: [5, 3]\nstep 1 layer 2 tokens_per_expert: [5, 3]", "steps"),
            ("layer 2 tokens_per_expert: [5, 3]\nstep 1 layer 2 tokens_per_expert: [5, 3]", "in all lines or in none"),
            ("layer 2 " + "tokens_per_expert: [" * 100_000, "line 1: must have"),
            ("layer 2 tokens_per_expert" + " " * 1_000_000 + "[1]", "line 1: must have"),
            ("layer " * 300_000 + "tokens_per_expert", "line 1: must have"),
            ("layer 2 tokens_per_expert: [" + "9," * 200_000 + "]", "line 1: must have"),
        ],
    )
    def test_refuses(self, tmp_path, text, reason):
        path = tmp_path / "train.log"
        path.write_text(text)
        refused_import(read_megatron_log, path, reason, 2)
