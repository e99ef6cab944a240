"""What a report says of its origin."""

import io
import os
import platform
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pytest

import moecusp as mc
from moecusp.report import collect, provenance


@pytest.fixture(name="checkout")
def _checkout(tmp_path, monkeypatch):
    """A checkout with a package in it, which `collect` takes for its own."""

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *identity, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "a")
    monkeypatch.setattr(mc, "__file__", str(package / "__init__.py"))
    return package, git("rev-parse", "HEAD")


def commit():
    return collect("c", 0, datetime.now(UTC)).commit


def test_command_seed_and_times():
    started = datetime.now(timezone(timedelta(hours=5))) - timedelta(seconds=90)
    found = collect("python -m demo --seed 7", 7, started)
    assert (found.command, found.seed) == ("python -m demo --seed 7", 7)
    assert datetime.fromisoformat(found.started) == started.replace(microsecond=0)
    assert found.started.endswith("+00:00")
    assert 90.0 <= found.seconds < 120.0


def test_times_to_the_second_and_to_a_tenth(monkeypatch):
    started = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=5)))

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return (started + timedelta(seconds=90.26)).astimezone(tz)

    monkeypatch.setattr(provenance, "datetime", Clock)
    found = collect("c", 0, started)
    assert (found.started, found.seconds) == ("2026-01-01T22:04:05+00:00", 90.3)


def test_versions():
    """Of all that compute or draw, and of none that is not installed."""
    found = collect("c", 0, datetime.now(UTC)).versions
    assert list(found) == ["python", "moecusp", "numpy", "scipy", "torch", "scikit-learn", "matplotlib"]
    assert found == {
        **{"python": platform.python_version(), "moecusp": mc.__version__, "numpy": np.__version__},
        **{name: version(name) for name in ("scipy", "torch", "scikit-learn", "matplotlib")},
    }


def test_what_is_not_installed_has_no_version(monkeypatch):
    def absent(name):
        if name == "scipy":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(provenance, "version", absent)
    assert list(collect("c", 0, datetime.now(UTC)).versions) == [
        *("python", "moecusp", "numpy", "torch", "scikit-learn", "matplotlib")
    ]


def test_the_processor_and_its_cores(monkeypatch):
    said = "processor : 0\nmodel name\t: First: 3 GHz \nprocessor : 1\nmodel name\t: Second\n"
    asked = []

    def read(path, *_):
        asked.append(path)
        return io.StringIO(said)

    monkeypatch.setattr(provenance, "open", read, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(3 + process)), raising=False)
    assert collect("c", 0, datetime.now(UTC)).device == "First: 3 GHz, 3 cores"
    assert asked == ["/proc/cpuinfo"]
    monkeypatch.delattr(os, "sched_getaffinity")
    for count, shown in ((7, 7), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert collect("c", 0, datetime.now(UTC)).device == f"First: 3 GHz, {shown} cores"


def test_a_machine_that_does_not_describe_its_processor(monkeypatch):
    def absent(path, *_):
        raise FileNotFoundError(path)

    monkeypatch.setattr(provenance, "open", absent, raising=False)
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    for processor, said in (("a processor", "a processor"), ("", "riscv64")):
        monkeypatch.setattr(platform, "processor", lambda processor=processor: processor)
        assert collect("c", 0, datetime.now(UTC)).device.startswith(f"{said}, ")


class TestCommit:
    def asked(self, monkeypatch, answers):
        """Return the commit and what git was asked, which answers from a list and fails with None."""
        commands, left = [], iter(answers)

        def run(command, **options):
            assert options == {"capture_output": True, "text": True, "timeout": 10, "check": True}
            commands.append(command)
            answer = next(left)
            if answer is None:
                raise subprocess.CalledProcessError(1, command)
            return subprocess.CompletedProcess(command, 0, answer)

        monkeypatch.setattr(subprocess, "run", run)
        return commit(), commands

    @pytest.mark.parametrize(
        ("answers", "said"),
        [
            (["__init__.py\n", "abc\n", ""], "abc"),
            (["__init__.py\n", "abc\n", " M x\n"], "abc+"),
            ([None], "unknown"),
            (["", None], "unknown"),
        ],
    )
    def test_what_git_is_asked(self, monkeypatch, answers, said):
        git = ["git", "-C", str(Path(mc.__file__).parent)]
        questions = [["ls-files", "--error-unmatch", "__init__.py"], ["rev-parse", "HEAD"], ["status", "--porcelain"]]
        found, commands = self.asked(monkeypatch, answers)
        assert found == said
        assert commands == [[*git, *question] for question in questions[: len(answers)]]

    def test_without_git(self, monkeypatch):
        def absent(*_, **__):
            raise FileNotFoundError("git")

        monkeypatch.setattr(subprocess, "run", absent)
        assert commit() == "unknown"

    def test_a_git_that_hangs_is_not_waited_for(self, monkeypatch):
        def hang(command, *, timeout, **_):
            assert timeout < 60.0
            raise subprocess.TimeoutExpired(command, timeout)

        monkeypatch.setattr(subprocess, "run", hang)
        assert commit() == "unknown"

    def test_of_a_clean_checkout(self, checkout):
        assert commit() == checkout[1]

    @pytest.mark.parametrize("name", ["__init__.py", "new.py"])
    def test_uncommitted_changes_are_marked(self, checkout, name):
        (checkout[0] / name).write_text("x = 1\n")
        assert commit() == checkout[1] + "+"

    def test_a_copy_that_a_checkout_merely_contains_has_none(self, checkout, monkeypatch):
        other = checkout[0] / "installed"
        other.mkdir()
        (other / "__init__.py").write_text("")
        monkeypatch.setattr(mc, "__file__", str(other / "__init__.py"))
        assert commit() == "unknown"

    def test_outside_a_checkout(self, tmp_path, monkeypatch):
        monkeypatch.setattr(mc, "__file__", str(tmp_path / "__init__.py"))
        assert commit() == "unknown"
