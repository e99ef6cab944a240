"""The three forms of a report, and what each may not lose."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import jinja2
import jsonschema
import numpy as np
import pytest

import moecusp as mc
from moecusp.report import Figure, Report, Table, Verdict, schema, write
from moecusp.report.document import code_span, escape_markdown, show
from tests.report.sample import finding, report

SOUND, UNSOUND = finding(expected=Verdict.SUPPORTED), finding(expected=Verdict.REFUTED)


@pytest.fixture(name="sample")
def _sample():
    return report()


def written(given, folder):
    page = write(given, folder / "out")
    return (
        page.read_text(),
        (page.parent / "report.md").read_text(),
        json.loads((page.parent / "report.json").read_text()),
    )


class TestForms:
    def test_all_three_say_it(self, sample, tmp_path):
        page, markdown, content = written(sample, tmp_path)
        assert sorted(os.listdir(tmp_path / "out")) == ["figures", "index.html", "report.json", "report.md"]
        for figure in ("line", "two"):
            assert (tmp_path / "out" / "figures" / f"{figure}.svg").read_text().startswith("<svg")
            assert f"](figures/{figure}.svg)" in markdown
        assert "A title &lt;b&gt;" in page
        assert "the ratio is 1 &amp; &lt;more&gt;" in page
        words = (
            "SUPPORTED", "REFUTED", "INCONCLUSIVE", "Fixed: decay = 1.", "A section", "Its text.", "A note.", "Student",
            "4 seeds", "2026-01-01T00:00:00+00:00", "0" * 64, "What would decide it", "More seeds than 2", "demo",
        )  # fmt: skip
        for word in words:
            assert word in page
            assert word in markdown
        assert content["plan"] == {"sha256": "0" * 64, "stored": "2026-01-01T00:00:00+00:00"}
        assert content["provenance"]["seed"] == 3
        assert [f["verdict"] for f in content["findings"]] == ["SUPPORTED", "INCONCLUSIVE"]
        assert content["findings"][1]["remedy"].startswith("More seeds than 2")
        assert content["findings"][0]["false_alarm"] == pytest.approx(0.005)
        assert content["sections"][0]["findings"][0]["verdict"] == "REFUTED"

    def test_the_page_needs_no_network_and_knows_the_dark(self, sample, tmp_path):
        page = written(sample, tmp_path)[0]
        links = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
        assert links
        assert all(link.startswith("#") for link in links)
        for foreign in ("<script", "@import", "url(http"):
            assert foreign not in page
        assert page.lstrip().startswith("<!doctype html>")
        assert "prefers-color-scheme: dark" in page
        assert 'name="viewport" content="width=device-width' in page

    def test_what_is_read_first_comes_first(self, sample, tmp_path):
        """The summary, sections such as the ledger, pictures; then every finding, of which there may be hundreds."""
        page, markdown, _ = written(sample, tmp_path)
        for text, head in ((page, "<h2>{}</h2>"), (markdown, "## {}\n")):
            places = [text.index(sample.summary), text.index(sample.sections[0].title)]
            places += [text.index(head.format(title)) for title in ("Pictures", "Findings", "Provenance")]
            assert places == sorted(places)

    def test_a_page_that_is_no_study(self, sample, tmp_path):
        page, markdown, content = written(Report("A diagnosis", "All is well.", sample.provenance), tmp_path)
        assert (content["study"], content["profile"], content["plan"], content["findings"]) == (None, None, None, [])
        assert content["sound"] is True
        for text in (page, markdown):
            assert "Findings" not in text
            assert "Pictures" not in text
            assert "predictions stored" not in text

    def test_json_fits_its_schema_and_has_no_nan(self, sample, tmp_path):
        more = {**sample.data, "count": np.int64(3), "array": np.array([1.0, np.nan])}
        content = written(replace(sample, data=more), tmp_path)[2]
        jsonschema.validate(content, schema())
        assert content["schema_version"] == 2
        assert content["data"] == {"missing": None, "deep": [{"x": None}], "count": 3, "array": [1.0, None]}
        unbounded = content["findings"][1]["interval"]
        assert (unbounded["low"], unbounded["high"], unbounded["detectable"]) == (None, None, None)

    def test_a_report_outside_the_schema_is_not_written(self, sample, tmp_path):
        with pytest.raises(jsonschema.ValidationError):
            write(replace(sample, title=3), tmp_path / "out")
        assert list(tmp_path.iterdir()) == []

    def test_the_text_of_report_json(self, sample, tmp_path):
        """As its content says, one item a line, in UTF-8; everything of the report is in it, and no picture."""
        page, _, content = written(replace(sample, title="über"), tmp_path)
        text = (tmp_path / "out" / "report.json").read_text(encoding="utf-8")
        assert text == json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        fields = set(Report.__dataclass_fields__) | {"schema_version", "sound", "generator", "files"}
        assert set(content) == fields
        for figure in (*content["figures"], *content["sections"][0]["figures"]):
            assert set(figure) == {"id", "title", "caption"}
        alarms = [f["false_alarm"] for f in (*content["findings"], *content["sections"][0]["findings"])]
        assert alarms == [each.false_alarm for each in sample.all_findings]
        assert "<svg" in page

    def test_the_page_is_where_the_caller_stands(self, sample, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert write(sample, Path("out")) == tmp_path / "out" / "index.html"

    def test_how_templates_are_read(self, sample, tmp_path, monkeypatch):
        """Blocks leave no line and no indent, only the page is escaped, and a name that is not there is an error."""
        text = "a\n  {% if true %}\n{{ report.title }} {{ 0.5|number }} {{ '*'|md }} {{ '*'|code }}\n  {% endif %}\nb"
        texts = {"report.md.j2": text, "report.html.j2": text}

        def loader(package):
            assert package == "moecusp.report"
            return jinja2.DictLoader(texts)

        monkeypatch.setattr(jinja2, "PackageLoader", loader)
        page, markdown, _ = written(sample, tmp_path)
        assert page == "a\nA title &lt;b&gt; 0.5 \\* `*`\nb"
        assert markdown == "a\nA title <b> 0.5 \\* `*`\nb"
        texts["report.md.j2"] = "{{ report.tilte }}"
        with pytest.raises(jinja2.UndefinedError, match="tilte"):
            write(sample, tmp_path / "out")

    def test_text_that_utf8_cannot_hold_is_shown_escaped(self, sample, tmp_path):
        page, _, content = written(replace(sample, summary="bad \udcff byte"), tmp_path)
        assert r"bad \udcff byte" in page
        assert content["summary"] == "bad \udcff byte"


class TestSound:
    @pytest.mark.parametrize("place", ["first", "last", "section"])
    def test_one_failed_control_anywhere_is_shouted(self, sample, tmp_path, place):
        first, last = (UNSOUND, SOUND) if place == "first" else (SOUND, UNSOUND if place == "last" else finding())
        section = replace(sample.sections[0], findings=(SOUND, UNSOUND) if place == "section" else (SOUND,))
        page, markdown, content = written(replace(sample, findings=(first, last), sections=(section,)), tmp_path)
        assert content["sound"] is False
        for text in (page, markdown):
            assert "not sound" in text
            assert text.count("control, not as planted") == 1
            assert text.count("control, as planted") >= 1

    def test_a_control_left_open_is_a_failed_one(self, sample):
        assert not replace(sample, findings=(finding([1.0, 1.0], expected=Verdict.REFUTED),)).sound

    def test_a_sound_run_is_not_shouted_at(self, sample, tmp_path):
        page, markdown, content = written(replace(sample, findings=(SOUND, finding([2.0] * 3))), tmp_path)
        assert content["sound"] is True
        assert "not sound" not in page + markdown
        assert "not as planted" not in page + markdown
        assert page.count('class="card finding planted"') == 1  # not in the colour of a verdict


NASTY = [
    "a | b", "<b>&amp;</b>", "*x* _y_ `z`", "[a](b) ![c](d)", "# no heading", "- no item", "1. no item", "+ no",
    "~~no~~ $x_1$", r"a\b \| c", "<script>alert(1)</script>",
    "two\n\nparagraphs", "https://example.org www.example.org",
    "= no", "> no", "2) no", "|---|", "a__b__c", "==== ", "--- ",
]  # fmt: skip


class TestMarkdown:
    @pytest.mark.parametrize("text", NASTY)
    def test_shown_as_it_is_by_a_peer(self, text):
        """A paragraph, and a table, rendered by markdown-it hold the text and no element more."""
        peer = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable(["table", "strikethrough"])
        line = " ".join(text.split())
        plain = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert peer.render(escape_markdown(text)) == f"<p>{plain}</p>\n"
        cells = re.findall(r"<td>(.*?)</td>", peer.render(f"| a | b |\n|---|---|\n| {escape_markdown(text)} | x |\n"))
        assert cells == [plain, "x"]

    @pytest.mark.parametrize("text", ["a", "a `b` c", "``", "`", "<b> | *x*", "a``b`c"])
    def test_code_is_shown_as_it_is_by_a_peer(self, text):
        peer = pytest.importorskip("markdown_it").MarkdownIt("commonmark")
        plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert peer.render(f"x {code_span(text)}") == f"<p>x <code>{plain}</code></p>\n"

    def test_by_hand(self):
        assert escape_markdown("a | <b> *c*") == r"a \| &lt;b&gt; \*c\*"
        assert escape_markdown(r"\`_[]~$#@ & x://y www.z") == r"\\\`\_\[\]\~\$\#\@ &amp; x&#58;//y www&#46;z"
        assert [escape_markdown(f"{mark} x") for mark in ("-", "+", "=", ":", "12.", "3)")] == [
            *(r"\- x", r"\+ x", r"\= x", r"\: x", r"12\. x", r"3\) x"),
        ]
        assert escape_markdown("x - 1. = 2) +") == "x - 1. = 2) +"
        assert escape_markdown(3) == "3"
        assert code_span("a`b") == "`` a`b ``"
        assert code_span("a ``b\n`c`") == "``` a ``b `c` ```"
        assert code_span("  ") == code_span("") == "`–`"
        assert code_span(3) == "`3`"

    def test_the_twin_escapes_every_text(self, sample, tmp_path):
        bad = "p | <i>q</i> *r*"
        table = Table("t", bad, (bad, bad), ((bad, bad),), bad)
        figure = Figure("f", bad, sample.figures[0].svg, bad)
        one = replace(finding(explanation=bad), claim=bad, effect=bad)
        section = replace(sample.sections[0], title=bad, text=bad, tables=(table,))
        nasty = replace(
            sample, title=bad, summary=bad, notes=(bad,), tables=(table,), figures=(figure,), findings=(one,),
            sections=(section,),
        )  # fmt: skip
        markdown = written(nasty, tmp_path)[1]
        assert markdown.count(escape_markdown(bad)) == 23
        assert bad not in markdown
        assert "<i>" not in markdown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1234.56, "1235"), (0.00012345678, "0.0001235"), (-2.0, "-2"), (np.inf, "∞"), (-np.inf, "−∞"), (np.nan, "–")],
)
def test_a_number_for_a_reader(value, shown):
    assert show(value) == shown


@pytest.mark.parametrize("id", ["", "../x", "a/b", ".hidden", "_a", "-a", "a b", "a\n", "x" * 101, "é"])
def test_a_figure_is_named_like_a_file(id):
    with pytest.raises(mc.ParameterError, match="id = "):
        Figure(id, "t", "<svg/>", "c")


@pytest.mark.parametrize("id", ["x", "Z", "0", "9a", "a" * 100, "aZ09._-azAZ"])
def test_names_that_a_figure_can_have(id):
    assert Figure(id, "t", "<svg/>", "c").id == id


def test_two_figures_of_one_name(sample):
    with pytest.raises(mc.ParameterError, match="figures"):
        replace(sample, figures=(replace(sample.figures[0], id="TWO"),))
