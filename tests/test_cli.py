import re
import subprocess
import sys
import tomllib
from pathlib import Path

import mpmath as mp
import pytest

import moecusp as mc
from moecusp.__main__ import main

ROOT = Path(__file__).parent.parent


@pytest.fixture(name="run")
def _run(capsys, monkeypatch):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["moecusp", *arguments])
        status = main()
        return status, *capsys.readouterr()

    return run


def printed(out, label):
    """The numbers on the lines that begin with a label."""
    lines = [line.removeprefix(label) for line in out.splitlines() if line.startswith(label)]
    return [mp.mpf(re.findall(r"[-+.\de]*\d", line)[0]) for line in lines]


DIGITS = 1e-9  # ten are printed


class TestLocate:
    """Everything printed, in units: kappa, mu and beta other than 1, against the equations it must solve."""

    kappa, mu, beta, h = (mp.mpf(x) for x in ("4.5", "0.6", "0.7", "-0.15"))

    @pytest.fixture(name="out")
    def _out(self, run):
        values = {"feedback": 4.5, "decay": 0.6, "inverse-temperature": 0.7, "asymmetry": -0.15}
        status, out, err = run("locate", *(f"--{name}={value}" for name, value in values.items()))
        assert (status, err) == (0, "")
        return out

    def drift(self, z, h):
        """dz/dt of the score difference, as the rule has it."""
        return self.kappa * mp.tanh(self.beta * z / 2) - self.mu * z + h

    def slope(self, z):
        return self.kappa * self.beta / 2 * mp.sech(self.beta * z / 2) ** 2 - self.mu

    def test_onset(self, out):
        """At the critical feedback balance without asymmetry is marginal: kappa beta/2 = mu."""
        (critical,) = printed(out, "critical feedback")
        assert abs(critical * self.beta / 2 / self.mu - 1) < DIGITS
        (gain,) = printed(out, "gain")
        assert abs(gain * critical / self.kappa - 1) < DIGITS

    def test_reduced_asymmetry(self, out):
        """What drives u = beta z/2 in units of the decay time: du/dtau at z = 0."""
        (eta,) = printed(out, "reduced asymmetry")
        assert abs(eta / (self.beta / 2 * self.drift(0, self.h) / self.mu) - 1) < DIGITS

    def test_folds(self, out):
        """There drift and slope vanish together."""
        assert "folds at h         ±" in out
        (fold,) = printed(out, "folds at h         ±")
        z = mp.findroot(self.slope, 3)
        assert abs(fold / abs(self.drift(z, 0)) - 1) < DIGITS
        assert fold > abs(self.h)
        assert "regime             BISTABLE\n" in out

    def test_loads(self, out):
        """Where the drift vanishes, ascending; stable where it falls."""
        loads = printed(out, "load of expert 1")
        assert len(loads) == 3
        assert loads == sorted(loads)
        for load, start, word in zip(loads, (-7, 0.5, 6), ("stable", "unstable", "stable"), strict=True):
            z = mp.findroot(lambda z: self.drift(z, self.h), start)
            assert abs(load - (1 + mp.tanh(self.beta * z / 2)) / 2) < 1e-10
            assert (self.slope(z) < 0) == (word == "stable")
        assert re.findall(r"\((\w*stable)\)", out) == ["stable", "unstable", "stable"]

    def test_below_the_critical_feedback_there_are_no_folds(self, run):
        status, out, _ = run("locate", "--feedback=1.5", "--decay=0.6", "--inverse-temperature=0.7")
        assert status == 0
        assert "regime             MONOSTABLE\n" in out
        assert "folds at h         none\n" in out
        assert printed(out, "load of expert 1") == [0.5]

    def test_defaults_are_one(self, run):
        _, out, _ = run("locate", "--feedback", "3")
        assert printed(out, "critical feedback") == [2]
        assert printed(out, "reduced asymmetry") == [0]


def test_many_experts(run):
    """kappa_c = K mu/beta; at the fold gain x = K g (e^x - 1)/(e^x + K - 1) has a double root."""
    options = "--feedback=3 --decay=0.6 --inverse-temperature=0.7 --experts=6".split()
    status, out, err = run("locate", *options)
    assert (status, err) == (0, "")
    assert printed(out, "critical feedback") == [pytest.approx(6 * 0.6 / 0.7, rel=DIGITS)]
    assert printed(out, "gain") == [pytest.approx(3 * 0.7 / (6 * 0.6), rel=DIGITS)]

    def gain(x):
        return x * (mp.exp(x) + 5) / (6 * (mp.exp(x) - 1))

    x = mp.findroot(lambda x: mp.diff(gain, x), 3)
    assert printed(out, "fold gain") == [pytest.approx(float(gain(x)), rel=DIGITS)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--feedback", "-1"], "feedback = -1.0"),
        (["--feedback", "nan"], "feedback = nan"),
        (["--feedback", "inf"], "feedback = inf"),
        (["--feedback", "abc"], "--feedback"),
        (["--feedback", "1", "--decay", "0"], "decay = 0.0"),
        (["--feedback", "1", "--inverse-temperature", "0"], "inverse_temperature = 0.0"),
        (["--feedback", "1", "--asymmetry", "nan"], "asymmetry = nan"),
        (["--feedback", "1", "--experts", "1"], "experts = 1"),
        (["--feedback", "1", "--experts", "x"], "--experts"),
        (["--feedback", "1", "--experts", "1" + "0" * 30], "experts = 1000"),
        (
            ["--feedback", "1", "--experts", "3", "--asymmetry", "0.1"],
            "asymmetry = 0.1: asymmetry must be 0 with more than two experts\n",
        ),
        (["--feedback"], "--feedback"),
        (["--no-such-option"], "--no-such-option"),
        (["surplus", "--feedback", "1"], "surplus"),
        ([], "--feedback"),
    ],
)
def test_bad_input_is_one_line_and_a_status(run, arguments, words):
    status, out, err = run("locate", *arguments)
    assert status == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert words in err


def test_help(run):
    """Without arguments it is an error, though the same text."""
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    assert out.startswith("Usage: moecusp [OPTIONS] COMMAND")  # under whatever name it was started
    assert "locate" in out
    assert run() == (2, "", out)
    status, out, err = run("locate", "--help")
    assert (status, err) == (0, "")
    assert "--inverse-temperature" in out


def test_no_such_command(run):
    status, out, err = run("nonsense")
    assert (status, out) == (2, "")
    assert err == "error: No such command 'nonsense'.\n"


def test_version(run):
    assert run("--version") == (0, f"moecusp, version {mc.__version__}\n", "")


def test_version_is_one_fact():
    from importlib.metadata import version

    assert version("moecusp") == mc.__version__


def test_the_command_is_installed_and_runs_as_a_module():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"moecusp": f"{main.__module__}:{main.__name__}"}
    done = subprocess.run(
        [sys.executable, "-m", "moecusp", "locate", "--feedback=-1"], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: feedback = -1.0")


def test_without_click_one_line_names_the_extra():
    code = "import sys; sys.modules['click'] = None; from moecusp.__main__ import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr == b"error: the command line needs click, in the extra cli: pip install 'moecusp[cli]'\n"


def test_what_cannot_be_imported_is_said_in_one_line(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "moecusp.cli", None)
    assert run("locate") == (1, "", "error: import of moecusp.cli halted; None in sys.modules\n")


@pytest.mark.parametrize(
    ("raised", "status", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted; nothing was written"),
        (PermissionError(13, "Permission denied", "/there"), 1, "/there: Permission denied"),
        (OSError(28, "No space left on device"), 1, "file: No space left on device"),
        (mc.ParameterError("z", 3, "2"), 2, "z = 3: z must be 2"),
    ],
)
def test_what_stops_a_command_is_one_line_and_a_status(run, monkeypatch, raised, status, words):
    def stop(*_):
        raise raised

    monkeypatch.setattr(mc, "RouterParameters", stop)
    found, out, err = run("locate", "--feedback", "1")
    assert (found, out, err.lstrip("\n")) == (status, "", f"error: {words}\n")  # click ends the line of a ^C
