"""`moecusp doctor`, `trace` and `completion` with stubs in place of models: options arrive, words are said."""

import json
import re
import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from click.shell_completion import get_completion_class

from moecusp import routing
from moecusp import trace as traces
from moecusp.__main__ import main
from moecusp.cli import app


class Found:
    """A trace, or an examination."""

    def __init__(self, status=0):
        self.status, self.source = status, {"tokens": "7", "text": "its.txt"}

    def summary(self):
        return {"a": [1]}

    def table(self):
        return "a table"

    def __len__(self):
        return 3


@pytest.fixture(name="run")
def _run(capsys, monkeypatch):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["moecusp", *map(str, arguments)])
        return main(), *capsys.readouterr()

    return run


@pytest.fixture(name="calls")
def _calls(monkeypatch):
    """What the functions behind the commands are called with; `tqdm` is one of them."""
    calls = []

    def stub(name, result):
        def called(*arguments, **named):
            calls.append((name, arguments, named))
            return result() if callable(result) else result

        return called

    class Bar:
        def __enter__(self):
            return SimpleNamespace(update="update")

        def __exit__(self, *_):
            calls.append(("closed", (), {}))

    monkeypatch.setattr(routing, "open_model", stub("open_model", "a model"))
    monkeypatch.setattr(routing, "open_tokenizer", stub("open_tokenizer", "a tokenizer"))
    monkeypatch.setattr(routing, "trace_text", stub("trace_text", Found))
    monkeypatch.setattr(routing, "doctor", stub("doctor", Found))
    monkeypatch.setattr(traces, "save", stub("save", None))
    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=stub("tqdm", Bar)))
    return calls


class TestDoctor:
    def test_what_it_asks(self, run, calls):
        assert run("doctor", "folder") == (0, "a table\n", "")
        assert calls == [
            ("open_model", ("folder",), {"device": None, "dtype": "auto"}),
            ("doctor", ("a model",), {"checkpointing": "all"}),
        ]
        calls.clear()
        arguments = ("--device", "cpu", "--dtype", "float16", "--checkpointing", "reentrant", "--json")
        assert run("doctor", "folder", *arguments) == (0, json.dumps({"a": [1]}, indent=1) + "\n", "")
        assert calls == [
            ("open_model", ("folder",), {"device": "cpu", "dtype": "float16"}),
            ("doctor", ("a model",), {"checkpointing": "reentrant"}),
        ]

    @pytest.mark.parametrize("status", [0, 1, 2])
    def test_its_status(self, run, calls, monkeypatch, status):
        monkeypatch.setattr(routing, "doctor", lambda *_, **__: Found(status))
        assert run("doctor", "folder")[0] == status

    def test_every_choice(self, run, calls):
        for option, choices in (
            ("--dtype", ("auto", "float32", "bfloat16", "float16")),
            ("--checkpointing", ("all", "off", "on", "reentrant")),
        ):
            for choice in choices:
                assert run("doctor", "folder", option, choice)[0] == 0
            status, _, err = run("doctor", "folder", option, "XX")
            assert (status, re.findall(r"'(\w+)'", err.partition("not one of")[2])) == (2, list(choices))

    @pytest.mark.parametrize(("command", "status"), [("doctor", 2), ("trace", 1)])
    @pytest.mark.parametrize(
        ("error", "words"),
        [(ImportError("it needs more"), "it needs more"), (RuntimeError("so\nwide"), "so wide"), (MemoryError(), "")],
    )
    def test_what_stops_it(self, run, calls, monkeypatch, tmp_path, command, status, error, words):
        def stop(*_, **__):
            raise error

        monkeypatch.setattr(routing, "open_model", stop)
        more = () if command == "doctor" else ("--text", "t", "-o", tmp_path / "a.npz")
        assert run(command, "folder", *more) == (status, "", f"error: {words or 'MemoryError'}\n")


class TestTrace:
    def test_what_it_asks(self, run, calls, tmp_path):
        output = str(tmp_path / "a.npz")
        found = run("trace", "folder", "--text", "its.txt", "-o", output)
        assert found == (0, f"{output}: 3 routers, 7 tokens of its.txt\n", "")
        *before, (saved, (what, where), _) = calls
        assert (saved, len(what), where) == ("save", 3, output)
        sizes = {"tokens": 65_536, "batch": 8, "length": 512, "sample": 4096}
        bar = {"total": 65_536, "unit": " tokens", "unit_scale": True, "disable": True, "leave": False}
        assert before == [
            ("open_tokenizer", ("folder",), {}),
            ("open_model", ("folder",), {"device": None, "dtype": "auto"}),
            ("tqdm", (), bar),
            ("trace_text", ("a model", "a tokenizer", "its.txt"), {**sizes, "progress": "update"}),
            ("closed", (), {}),
        ]

    def test_every_option(self, run, calls, tmp_path):
        numbers = ("--tokens", 5, "--batch", 6, "--length", 7, "--logits", 8)
        where = ("--text", "t", "--output", tmp_path / "a.safetensors", "--device", "cpu", "--dtype", "bfloat16")
        assert run("trace", "folder", *numbers, *where)[0] == 0
        named = {name: options for name, _, options in calls}
        assert named["open_model"] == {"device": "cpu", "dtype": "bfloat16"}
        assert named["tqdm"]["total"] == 5
        wanted = {"tokens": 5, "batch": 6, "length": 7, "sample": 8, "progress": "update"}
        assert named["trace_text"] == wanted

    @pytest.mark.parametrize(
        ("name", "allowed"),
        [
            ("a.txt", "a path that ends in .safetensors or .npz"),
            ("a.NPZ", "a path that ends in .safetensors or .npz"),
            ("folder.npz", "a file in a folder that is there and can be written to"),
            ("missing/a.npz", "a file in a folder that is there and can be written to"),
        ],
    )
    def test_what_could_not_be_written_is_refused_first(self, run, calls, tmp_path, monkeypatch, name, allowed):
        (tmp_path / "folder.npz").mkdir()
        monkeypatch.chdir(tmp_path)
        found = run("trace", "folder", "--text", "t", "-o", name)
        assert found == (2, "", f"error: output = '{name}': output must be {allowed}\n")
        assert calls == []

    @pytest.mark.parametrize("arguments", [("--text", "t"), ("-o", "a.npz")])
    def test_what_is_required(self, run, calls, arguments):
        status, out, err = run("trace", "folder", *arguments)
        assert (status, out, calls) == (2, "", [])
        assert err == f"error: Missing option '{'--output' if '--text' in arguments else '--text'}'.\n".replace(
            "'--output'", "'-o' / '--output'"
        )


HELP = {
    "doctor": {
        "device": "Where to run. Default: cuda if there is one, else cpu.",
        "dtype": "Type of the weights; auto: as they are saved.",
        "checkpointing": "How you are going to train: gradient checkpointing off, on, or on with use_reentrant=True.",
        "as_json": "Print JSON, a finding for each check and router.",
    },
    "trace": {
        "device": "Where to run. Default: cuda if there is one, else cpu.",
        "dtype": "Type of the weights; auto: as they are saved.",
        "text": "File of text in UTF-8.",
        "output": "Trace to write: .safetensors or .npz.",
        "tokens": "Tokens at most.",
        "batch": "Sequences at a time.",
        "length": "Tokens of a sequence.",
        "logits": "Tokens of each router kept with all scores.",
    },
}


@pytest.mark.parametrize("command", HELP)
def test_help(run, command):
    status, out, err = run(command, "--help")
    assert (status, err) == (0, "")
    shown = " ".join(out.split())
    assert all(text in shown for text in HELP[command].values())
    assert f"Usage: moecusp {command} [OPTIONS] MODEL_DIR" in shown
    assert "[default: auto]" in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(run, shell, monkeypatch):
    kind = get_completion_class(shell)
    assert kind is not None
    monkeypatch.setattr(kind, "_check_version", lambda *_: None, raising=False)
    assert run("completion", shell) == (0, kind(app, {}, "moecusp", "_MOECUSP_COMPLETE").source() + "\n", "")


def test_completion_of_a_name_with_a_dash(capsys, monkeypatch):
    from moecusp.cli import execute

    monkeypatch.setattr("sys.argv", ["moe-cusp", "completion", "zsh"])
    assert execute(app, "moe-cusp") == 0
    assert "_MOE_CUSP_COMPLETE" in capsys.readouterr().out
