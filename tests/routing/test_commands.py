"""From a folder with a trained model to the loads of its layers by the README's three commands, against the truth."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from moecusp.trace import load
from tests.routing import truth

pytestmark = pytest.mark.filterwarnings("ignore")  # transformers' own
ROOT = Path(__file__).parents[2]


def commands():
    """The README's three commands."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^(moecusp (?:doctor|trace|load) [^#\n]*?) *(?:#.*)?$", text, re.MULTILINE)


def pieces(tokenizer, text, length):
    """What the page says: the text cut without gaps, each piece beginning with <s>."""
    ids = tokenizer(text, add_special_tokens=False).input_ids
    step = length - 1
    return [[0, *ids[i : i + step]] for i in range(0, len(ids), step)]


class TestThreeCommands:
    def test_they_are_on_the_front_page(self):
        assert [command.split()[1] for command in commands()] == ["doctor", "trace", "load"]

    def test_loads_are_the_truth_slot_by_slot(self, made, run, monkeypatch):
        folder, model, tokenizer = made
        monkeypatch.chdir(folder)
        doctor, trace, show = (
            command.replace("MODEL_DIR", "model").replace("FILE", "text.txt").split()[1:] for command in commands()
        )
        assert run(*doctor)[0] == 1  # its balance loss is off
        status, out, err = run(*trace, "--logits", 10**6, "--length", 32)
        assert (status, err) == (0, "")
        assert (
            out == f"trace.safetensors: 2 routers, {sum(map(len, self.read(folder, tokenizer)))} tokens of text.txt\n"
        )
        found = load("trace.safetensors")
        with truth.inputs(model) as kept, torch.no_grad():
            *whole, rest = self.read(folder, tokenizer)
            model(input_ids=torch.tensor(whole))
            model(input_ids=torch.tensor([rest]))
        same, slots = truth.agreement(model, kept, found)
        assert same == slots == 2 * sum(map(len, self.read(folder, tokenizer))) * found.records[0].site.k
        status, out, _ = run(*show)
        assert status == 0
        rows = [line.split() for line in out.splitlines()[1:] if line.startswith("model.layers")]
        for row, record in zip(rows, found, strict=True):
            share = record.counts.sum(axis=0) / record.counts.sum()
            assert row[0] == record.site.name
            assert float(row[4]) == pytest.approx(share.max() * 8 - 1, rel=1e-3)
        assert (found.source["text"], found.source["dtype"]) == ("text.txt", "float32")

    def read(self, folder, tokenizer):
        return pieces(tokenizer, (folder / "text.txt").read_text(encoding="utf-8"), 32)

    def test_the_same_in_three_lines_of_python(self, mixtral, run):
        from moecusp.routing import open_model, open_tokenizer, trace_text

        folder, _, _ = mixtral
        trace = trace_text(
            open_model(folder / "model"), open_tokenizer(folder / "model"), folder / "text.txt", length=32
        )
        assert (
            run("trace", folder / "model", "--text", folder / "text.txt", "-o", folder / "lines.npz", "--length", 32)[0]
            == 0
        )
        other = load(folder / "lines.npz")
        assert [r.counts.tolist() for r in trace] == [r.counts.tolist() for r in other]
        assert trace.source == other.source

    def test_limits(self, mixtral, run):
        folder, _, _ = mixtral
        arguments = [
            "--tokens",
            100,
            "--batch",
            2,
            "--length",
            16,
            "--logits",
            7,
            "--dtype",
            "bfloat16",
            "--device",
            "cpu",
        ]
        status, _, err = run(
            "trace", folder / "model", "--text", folder / "text.txt", "-o", folder / "b.npz", *arguments
        )
        assert (status, err) == (0, "")
        found = load(folder / "b.npz")
        for record in found:
            assert record.tokens.tolist() == [32, 32, 32, 4]
            assert record.sample is not None
            assert record.sample.tokens == 7
        assert found.source["dtype"] == "bfloat16"

    def test_json(self, mixtral, run):
        folder, _, _ = mixtral
        status, out, _ = run("doctor", folder / "model", "--json")
        content = json.loads(out)
        assert status == content["status"] == 1
        assert {finding["check"] for finding in content["findings"]} >= {"found", "obeyed", "balance loss", "gradient"}

    def test_exit_status_of_the_doctor(self, mixtral, run, tmp_path):
        """0 with the loss on and plain checkpointing, 2 with reentrant, which keeps the loss from the routers."""
        folder, _, _ = mixtral
        shutil.copytree(folder / "model", tmp_path / "on")
        path = tmp_path / "on" / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"output_router_logits": True}))
        assert run("doctor", tmp_path / "on", "--checkpointing", "on")[0] == 0
        assert run("doctor", tmp_path / "on", "--checkpointing", "reentrant")[0] == 2

    def test_batches_of_a_text_that_ends_in_a_short_piece(self, mixtral):
        """Nothing is padded: the rest is a batch of its own, whatever the size of the batches."""
        from moecusp.routing import trace_text

        folder, model, tokenizer = mixtral
        every = pieces(tokenizer, (folder / "text.txt").read_text(encoding="utf-8"), 50)
        assert 1 < len(every[-1]) < 50
        seen: list[int] = []
        trace = trace_text(model, tokenizer, folder / "text.txt", batch=3, length=50, progress=seen.append)
        sizes = [50 * len(every[i : i + 3]) for i in range(0, len(every) - 1, 3)]
        sizes[-1] = 50 * ((len(every) - 1) % 3 or 3)
        assert seen == [*sizes, len(every[-1])] == trace.records[0].tokens.tolist()
        assert not any(np.any(record.unrouted["padded"]) for record in trace)
