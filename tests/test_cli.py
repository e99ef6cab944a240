import pytest

from moecusp import __version__
from moecusp.cli import app, execute


def run(capsys, *arguments, monkeypatch):
    monkeypatch.setattr("sys.argv", ["moecusp", *arguments])
    status = execute(app, "moecusp")
    out, err = capsys.readouterr()
    return status, out, err


def test_locate(capsys, monkeypatch):
    status, out, err = run(capsys, "locate", "--feedback", "3", "--asymmetry", "0.1", monkeypatch=monkeypatch)
    assert (status, err) == (0, "")
    for line in ("gain               1.5  (1 is critical)", "regime             BISTABLE", "(unstable)"):
        assert line in out


def test_locate_many_experts(capsys, monkeypatch):
    status, out, _ = run(capsys, "locate", "--feedback", "3", "--experts", "6", monkeypatch=monkeypatch)
    assert status == 0
    assert "critical feedback  6" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--feedback", "-1"], "feedback = -1.0"),
        (["--feedback", "nan"], "feedback = nan"),
        (["--feedback", "abc"], "--feedback"),
        (["--feedback", "1", "--decay", "0"], "decay = 0.0"),
        (["--feedback", "1", "--experts", "1"], "experts = 1"),
        (["--feedback", "1", "--experts", "x"], "--experts"),
        (["--no-such-option"], "--no-such-option"),
        ([], "--feedback"),
    ],
)
def test_bad_input_is_one_line_and_a_status(capsys, monkeypatch, arguments, words):
    status, out, err = run(capsys, "locate", *arguments, monkeypatch=monkeypatch)
    assert status == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert words in err


def test_version_is_one_fact():
    from importlib.metadata import version

    assert version("moecusp") == __version__
