"""What a report says of its origin."""

import platform
import subprocess
from datetime import UTC, datetime, timedelta, timezone

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


def test_versions_and_device():
    found = collect("c", 0, datetime.now(UTC))
    assert {"python", "moecusp", "numpy", "torch", "matplotlib"} <= set(found.versions)
    assert found.versions["numpy"] == np.__version__
    assert found.versions["moecusp"] == mc.__version__
    assert found.device.endswith("cores")


def test_a_machine_that_does_not_describe_its_processor(monkeypatch):
    def absent(path, *_):
        raise FileNotFoundError(path)

    monkeypatch.setattr(provenance, "open", absent, raising=False)
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    for processor, said in (("a processor", "a processor"), ("", "riscv64")):
        monkeypatch.setattr(platform, "processor", lambda processor=processor: processor)
        assert collect("c", 0, datetime.now(UTC)).device.startswith(f"{said}, ")


class TestCommit:
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
