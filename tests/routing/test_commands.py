"""From a folder with a trained model to the loads of its layers by the README's three commands, against the truth."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from moecusp.__main__ import main
from moecusp.trace import load
from tests.routing import folders, truth

pytestmark = pytest.mark.filterwarnings("ignore")  # transformers' own
ROOT = Path(__file__).parents[2]


@pytest.fixture(name="mixtral", scope="module")
def _mixtral(tmp_path_factory):
    return written(tmp_path_factory, "mixtral")


@pytest.fixture(name="made", scope="module", params=["mixtral", "qwen2_moe"])
def _made(request, tmp_path_factory):
    same = request.param == "mixtral"
    return request.getfixturevalue("mixtral") if same else written(tmp_path_factory, request.param)


@pytest.fixture(name="one", scope="module")
def _one(mixtral):
    return mixtral[0]


def written(factory, family):
    folder = factory.mktemp(family)
    model, tokenizer = folders.write(folder / "model", family)
    (folder / "text.txt").write_text(folders.text(25, seed=3), encoding="utf-8")
    return folder, model, tokenizer


@pytest.fixture(name="run")
def _run(capsys, monkeypatch):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["moecusp", *map(str, arguments)])
        status = main()
        return status, *capsys.readouterr()

    return run


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


REFUSED = {
    "no folder": (["{0}/nothing"], "nothing is downloaded"),
    "a name on the hub": (["mistralai/Mixtral-8x7B-v0.1"], "nothing is downloaded"),
    "no text": (["{0}/model", "--text", "{0}/nothing.txt"], "text = "),
    "no tokens": (["{0}/model", "--tokens", "0"], "tokens = 0"),
    "too short": (["{0}/model", "--length", "1"], "length = 1"),
    "no such type": (["{0}/model", "--dtype", "float8"], "--dtype"),
    "no such device": (["{0}/model", "--device", "nowhere"], "device = 'nowhere'"),
    "no such format": (["{0}/model", "-o", "{0}/t.txt"], "output = "),
    "no folder to write to": (["{0}/model", "-o", "{0}/nothing/t.npz"], "output = "),
    "negative": (["{0}/model", "--logits", "-1"], "sample = -1"),
    "not a number": (["{0}/model", "--batch", "x"], "--batch"),
}


class TestRefused:
    @pytest.mark.parametrize("name", REFUSED)
    def test_in_one_line(self, one, run, name):
        arguments, words = REFUSED[name]
        given = [each.format(one) for each in arguments]
        defaults = {"--text": one / "text.txt", "-o": one / "t.npz"}
        more = [part for option, value in defaults.items() if option not in given for part in (option, value)]
        status, out, err = run("trace", *given, *more)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("error: ")
        assert words in err
        assert not (one / "t.npz").exists()

    @pytest.mark.parametrize("content", [b"\xff\xfe\x00", b""])
    def test_what_is_no_text(self, one, run, content, tmp_path):
        (tmp_path / "bad").write_bytes(content)
        status, _, err = run("trace", one / "model", "--text", tmp_path / "bad", "-o", tmp_path / "t.npz")
        assert (status, err.count("\n")) == (2, 1)
        assert "text" in err

    def test_without_a_tokenizer(self, one, run, tmp_path):
        """Some classes of transformers would make up a tokenizer that knows no text."""
        folder = tmp_path / "model"
        shutil.copytree(one / "model", folder)
        for path in folder.glob("tokenizer*"):
            path.unlink()
        config = json.loads((folder / "config.json").read_text())
        for kind in ("mixtral", "qwen2_moe"):
            (folder / "config.json").write_text(json.dumps(config | {"model_type": kind}))
            status, _, err = run("trace", folder, "--text", one / "text.txt", "-o", tmp_path / "t.npz")
            assert status == 2
            assert "text is not cut into bytes or characters" in err

    def test_the_tokenizer_of_another_model(self, one, run, tmp_path):
        from moecusp import ParameterError
        from moecusp.routing import open_model, trace_text

        class Other:
            def __call__(self, text, **_):
                return {"input_ids": [1, 5000]}

        with pytest.raises(ParameterError, match=r"token 5000.*which has 280 tokens"):
            trace_text(open_model(one / "model"), Other(), one / "text.txt")

    @pytest.mark.parametrize(
        ("break_", "words"),
        [
            (lambda folder: (folder / "config.json").write_text("{"), "JSON"),
            (lambda folder: (folder / "model.safetensors").write_bytes(b"junk"), "header"),
            (lambda folder: (folder / "model.safetensors").unlink(), "no file named model.safetensors"),
            (
                lambda folder: without(folder, "gate.weight"),
                "weights: 2 are missing, such as model.layers.0.mlp.gate",
            ),
            (lambda folder: architecture(folder, "NoSuchForCausalLM"), "has no NoSuchForCausalLM"),
        ],
        ids=["config", "junk", "no weights", "no router", "class"],
    )
    def test_broken_folders(self, one, run, tmp_path, break_, words):
        shutil.copytree(one / "model", tmp_path / "model")
        break_(tmp_path / "model")
        status, out, err = run("doctor", tmp_path / "model")
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert words in err

    def test_a_model_without_routers(self, run, tmp_path):
        from transformers import LlamaConfig, LlamaForCausalLM

        sizes: Any = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        LlamaForCausalLM(LlamaConfig(vocab_size=280, **sizes)).save_pretrained(tmp_path)
        folders.tokenizer().save_pretrained(tmp_path)
        (tmp_path / "text.txt").write_text("the fox")
        assert run("doctor", tmp_path)[0] == 2
        status, _, err = run("trace", tmp_path, "--text", tmp_path / "text.txt", "-o", tmp_path / "t.npz")
        assert (status, "one with routers" in err) == (2, True)

    def test_interrupted(self, one, run, monkeypatch):
        from moecusp import routing

        monkeypatch.setattr(routing, "trace_text", stop)
        status, out, err = run("trace", one / "model", "--text", one / "text.txt", "-o", one / "t.npz")
        assert (status, out, err.lstrip("\n")) == (130, "", "error: interrupted; nothing was written\n")
        assert not (one / "t.npz").exists()

    def test_what_the_model_runs_into(self, one, run, monkeypatch):
        from moecusp import routing

        monkeypatch.setattr(
            routing, "trace_text", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("out of memory"))
        )
        status, _, err = run("trace", one / "model", "--text", one / "text.txt", "-o", one / "t.npz")
        assert (status, err) == (1, "error: out of memory\n")


def stop(*_, **__):
    raise KeyboardInterrupt


def without(folder, name):
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = {key: value for key, value in load_file(path).items() if name not in key}
    save_file(weights, path, {"format": "pt"})


def architecture(folder, name):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"architectures": [name]}))


@pytest.mark.parametrize(("command", "status"), [("trace", 1), ("doctor", 2)])
def test_without_transformers_the_extra_is_named(one, run, monkeypatch, command, status):
    monkeypatch.setitem(sys.modules, "transformers", None)
    more = ["--text", "t.txt", "-o", "t.npz"] if command == "trace" else []
    said = "error: models are opened by transformers, in the extra hf: pip install 'moecusp[hf]'\n"
    assert run(command, one / "model", *more) == (status, "", said)


def test_without_torch_the_extra_is_named():
    code = "import sys; sys.modules['torch'] = None; from moecusp.__main__ import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, "doctor", "."], cwd=ROOT, capture_output=True, check=False)
    said = b"error: moecusp.routing needs PyTorch: pip install 'moecusp[torch]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", said)


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_the_lines_of_each_shell(self, run, shell):
        status, out, err = run("completion", shell)
        assert (status, err) == (0, "")
        assert f"_MOECUSP_COMPLETE={shell}_complete" in out

    def test_what_they_call_completes(self):
        words = {"COMP_WORDS": "moecusp trace --to", "COMP_CWORD": "2", "_MOECUSP_COMPLETE": "bash_complete"}
        done = subprocess.run(
            [sys.executable, "-m", "moecusp"],
            cwd=ROOT,
            env={**os.environ, **words},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "plain,--tokens\n"

    def test_another_shell(self, run):
        status, _, err = run("completion", "tcsh")
        assert (status, "'tcsh'" in err) == (2, True)
