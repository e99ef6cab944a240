"""``moecusp report`` and ``moecusp compare``: files, exit status, and one line for what is wrong."""

import json

import jsonschema
import numpy as np
import pytest

from moecusp.__main__ import main
from moecusp.diagnosis import schema
from moecusp.trace import save
from moecusp.trace.stream import append, create
from tests.diagnosis.planted import counted, site_trace, trace

EVEN, DEAD = np.full(8, 1 / 8), np.array([0.0005, *[0.9995 / 7] * 7])


@pytest.fixture(name="run")
def _run(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["moecusp", *map(str, arguments)])
        status = main()
        return status, *capsys.readouterr()

    return run


def written(name, *records):
    save(trace(*records), name)
    return name


class TestReport:
    def test_a_calm_model(self, run, tmp_path):
        status, out, err = run("report", written("calm.safetensors", counted(EVEN)))
        assert (status, err) == (0, "")
        assert out.splitlines() == [
            "Calm: no layer has collapsed, no expert is dead, and no imbalance is far above what sampling explains.",
            "calm.html",
        ]
        assert (tmp_path / "calm.html").read_text(encoding="utf-8").startswith("<!doctype html>")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["calm.html", "calm.safetensors"]

    def test_all_forms_say_the_same(self, run, tmp_path):
        name = written("t.npz", site_trace(batches=20, size=100), counted(DEAD))
        status, out, _ = run("report", name, "-o", tmp_path / "out.html", "--markdown", "--json")
        assert status == 1
        headline = out.splitlines()[0]
        assert headline in (tmp_path / "out.html").read_text(encoding="utf-8")
        assert headline in (tmp_path / "out.md").read_text(encoding="utf-8")
        content = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
        jsonschema.validate(content, schema())
        assert (content["headline"], content["status"]) == (headline, 1)
        assert content["provenance"]["command"] == "moecusp report t.npz"

    def test_too_little_is_status_3(self, run):
        assert run("report", written("few.npz", counted(EVEN, batches=3)))[0] == 3

    def test_a_feedback_places_it(self, run, tmp_path):
        name = written("t.npz", site_trace(batches=20, size=200))
        status, _, _ = run("report", name, "--feedback", 50, "--decay", 1, "--json")
        layer = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))["layers"][0]
        assert (status, layer["standing"]) == (1, "near collapse")
        assert layer["quantities"]["gain"]["value"] == 50 * layer["quantities"]["largest_response"]["value"]

    def test_options_for_advice(self, run, tmp_path):
        name = written("t.npz", site_trace(batches=20, size=200))
        options = ["--training-batch", 512, "--drift", 0.001, "--bias-step", 0.003, "--violation", 0.2]
        run("report", name, "--json", *options, "--loss-rate", 1, "--feedback", 20, "--decay", 1)
        advice = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))["layers"][0]["advice"]
        assert len(advice) == 5
        assert all(each["value"] is not None for each in advice)

    def test_the_folder_of_a_stream_has_the_loads_of_the_whole(self, run, tmp_path):
        """Parts are put together: counts of all batches, scores of some tokens of each part."""
        parts = [trace(site_trace(batches=10, size=100, seed=seed)) for seed in range(3)]
        folder = create(tmp_path / "stream")
        for number, part in enumerate(parts):
            append(folder, number, part)
        status, _, _ = run("report", "stream", "--json", "--tokens", 300)
        layer = json.loads((tmp_path / "stream.json").read_text(encoding="utf-8"))["layers"][0]
        assert (status, layer["batches"], layer["tokens"]) == (0, 30, 3000)
        counts = sum(part.records[0].counts.sum(axis=0) for part in parts)
        assert layer["loads"]["relative"] == pytest.approx((counts * 8 / counts.sum()).tolist())
        assert layer["scores"] == "300 tokens"
        assert layer["quantities"]["critical_feedback"]["value"] > 0

    def test_tokens_limit_what_is_looked_at(self, run, tmp_path):
        run("report", written("t.npz", site_trace(batches=20, size=100)), "--json", "--tokens", 500)
        layer = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))["layers"][0]
        assert layer["scores"] == "500 tokens of 2,000 with scores"

    def test_parquet_has_counts_alone(self, run, tmp_path):
        from moecusp.trace.parquet import save_counts

        save_counts(trace(counted(EVEN)), "t.parquet")
        status, _, _ = run("report", "t.parquet", "--json")
        layer = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))["layers"][0]
        assert (status, layer["standing"]) == (0, "calm")
        assert layer["quantities"]["critical_feedback"]["value"] is None


class TestRefused:
    """Exit status 2, one line, and nothing written."""

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["none.npz"], "none.npz"),
            (["t.txt"], "must end in .npz"),
            (["junk.npz"], "not a whole .npz file"),
            (["junk.safetensors"], "safetensors"),
            (["cut.npz"], "not a whole .npz file"),
            (["t.npz", "-o", "page.txt"], "a path that ends in .html"),
            (["t.npz", "-o", "no/page.html"], "a file in a folder that is there"),
            (["t.npz", "--feedback", "1"], "decay"),
            (["t.npz", "--feedback", "nan", "--decay", "1"], "feedback"),
            (["t.npz", "--tokens", "3"], "tokens"),
            (["t.npz", "--noise", "-1"], "noise"),
            (["t.npz", "--violation", "0"], "violation"),
            (["t.npz", "--frobnicate"], "--frobnicate"),
            ([], "TRACE"),
        ],
    )
    def test_report(self, run, tmp_path, arguments, words):
        written("t.npz", counted(EVEN))
        for name in ("junk.npz", "junk.safetensors", "t.txt"):
            (tmp_path / name).write_bytes(b"\x10\0\0\0\0\0\0\0 no trace at all")
        (tmp_path / "cut.npz").write_bytes((tmp_path / "t.npz").read_bytes()[:-100])
        before = sorted(tmp_path.iterdir())
        status, out, err = run("report", *arguments)
        assert (status, out) == (2, "")
        assert err.count("\n") == 1
        assert err.startswith("error: ")
        assert words in err
        assert sorted(tmp_path.iterdir()) == before

    def test_a_file_that_cannot_be_written_is_no_alarm(self, run, tmp_path):
        name = written("t.npz", counted(DEAD))
        (tmp_path / "t.html").mkdir()
        assert run("report", name)[0] == 2

    @pytest.mark.parametrize("missing", ["jinja2", "moecusp.diagnosis"])
    def test_a_missing_extra_is_no_alarm(self, run, monkeypatch, missing):
        monkeypatch.setitem(__import__("sys").modules, missing, None)
        status, out, err = run("report", written("t.npz", counted(DEAD)))
        assert (status, out) == (2, "")
        assert missing in err

    def test_help(self, run):
        status, out, _ = run("report", "--help")
        assert status == 0
        assert "The exit status is 0 if nothing alarms" in " ".join(out.split())


class TestCompare:
    def test_table_page_and_status(self, run, tmp_path):
        a, b = written("a.npz", counted(EVEN)), written("b.npz", counted(DEAD))
        status, out, err = run("compare", a, b, "-o", "c.html")
        assert (status, err) == (1, "")
        assert "calm → near collapse" in out
        assert out.splitlines()[0] in (tmp_path / "c.html").read_text(encoding="utf-8")
        assert run("compare", b, a)[0] == 0

    def test_json(self, run):
        a = written("a.npz", counted(EVEN))
        status, out, _ = run("compare", a, a, "--json")
        content = json.loads(out)
        assert status == content["status"] == 0
        assert [d["difference"] for d in content["layers"][0]["differences"] if d["difference"] is not None] == [
            0.0,
            0.0,
        ]

    @pytest.mark.parametrize(
        ("second", "options", "words"),
        [("none.npz", [], "none.npz"), ("b.npz", [], "a router of the first"), ("a.npz", ["-o", "x.md"], ".html")],
    )
    def test_refused(self, run, second, options, words):
        a = written("a.npz", counted(EVEN))
        written("b.npz", counted([0.5, 0.5]))
        status, out, err = run("compare", a, second, *options)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert words in err
