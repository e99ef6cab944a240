"""What the commands on a folder with a model refuse: arguments, texts, tokenizers, folders, what is not installed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

from tests.routing import folders

pytestmark = pytest.mark.filterwarnings("ignore")  # transformers' own
ROOT = Path(__file__).parents[2]
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
