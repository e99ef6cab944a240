"""The pages: what they name exists, each can be found from the index, and the generated ones are current."""

import importlib.util
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from validation import pages

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "tests" / "README.md",
                *(ROOT / "proofs").glob("**/README.md")])  # fmt: skip
CODE = sorted(path for folder in ("moecusp", "proofs", "tests", "validation") for path in (ROOT / folder).rglob("*.py"))
FILE = re.compile(r"(?<![\w/.*{-])(?:[\w*-]+/)*[\w*.-]*[\w*]\.(?:py|toml|v|txt)\b(?!\w)")
FOLDER = re.compile(r"(?<![\w/.-])(?:docs|moecusp|proofs|tests|validation)(?:/[\w-]+)+(?![\w.*-])/?")
DOTTED = re.compile(r"(?<![\w./-])(?:moecusp|proofs|tests|validation)(?:\.[A-Za-z_]\w*)+")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")
PAGE = re.compile(r"\bdocs/[\w-]+\.md\b")
BARE = {path.name for path in ROOT.iterdir()} | {
    path.name
    for folder in ("docs", "moecusp", "proofs", "tests", "validation")
    for path in (ROOT / folder).rglob("*.*")
}
HISTORY = {"CHANGELOG.md"}  # tells of what was


def missing_paths(text, folder):
    """Return the files and folders of the project that a text names and that are not there."""
    named = {*FILE.findall(text), *FOLDER.findall(text)}
    return sorted(each for each in named if not _there(each, folder))


def missing_names(text):
    """Return the modules, and the names of the library, that a text names and that are not there."""
    return sorted(name for name in set(DOTTED.findall(text)) - set(FILE.findall(text)) if not _resolves(name))


def missing_tests(text):
    """Return the tests that a text names as file::class::function, or file::function, and that are not there."""
    named = re.findall(r"(?:tests/)?((?:[\w-]+/)*test_\w+\.py)((?:::\w+)+)", text)
    return [
        path + name
        for path, name in named
        for source in [(ROOT / "tests" / path).read_text() if (ROOT / "tests" / path).exists() else ""]
        if not all(re.search(rf"^ *(?:class|def) {word}\b", source, re.MULTILINE) for word in name[2:].split("::"))
    ]


def _there(name, folder):
    if "/" not in name:
        return any(fnmatchcase(each, name) for each in BARE)
    return any(any(base.glob(name.rstrip("/"))) for base in (ROOT, folder, ROOT / "tests"))


def _resolves(name):
    words = name.split(".")
    for k in range(len(words), 0, -1):
        path = ROOT.joinpath(*words[:k])
        if path.is_dir() or path.with_suffix(".py").exists():
            rest = words[k:]
            if not rest or words[0] != "moecusp":
                return not rest or rest[0] in _source(path)
            value = importlib.import_module(".".join(words[:k]))
            for word in rest:
                if not hasattr(value, word):
                    return word in getattr(value, "__annotations__", {})
                value = getattr(value, word)
            return True
    return False


def _source(path):
    return set(re.findall(r"\w+", (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()))


@pytest.mark.parametrize("page", [p for p in PAGES if p.name not in HISTORY], ids=lambda p: str(p.relative_to(ROOT)))
class TestPage:
    def test_paths_exist(self, page):
        assert missing_paths(page.read_text(), page.parent) == []

    def test_names_exist(self, page):
        assert missing_names(page.read_text()) == []

    def test_tests_exist(self, page):
        assert missing_tests(page.read_text()) == []

    def test_links_lead_somewhere(self, page):
        targets = LINK.findall(page.read_text())
        assert [each for each in targets if not (page.parent / each).exists()] == []


def test_code_names_pages_that_exist():
    named = {(path, each) for path in CODE if "tests" not in path.parts for each in PAGE.findall(path.read_text())}
    assert len(named) > 50
    assert [(str(path), each) for path, each in named if not (ROOT / each).exists()] == []


def test_every_page_can_be_found_from_the_index():
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / each).resolve() for each in LINK.findall(index.read_text())}
    assert {p for p in PAGES if p.parent == index.parent} - linked == {index}


def test_figures_of_mutation_testing_are_of_modules_that_exist():
    text = (ROOT / "docs" / "mutation-testing.md").read_text()
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| \d", text, re.MULTILINE)
    named = {each for row in rows for each in re.findall(r"\w+", row)}
    assert len(named) > 25
    named |= set(re.findall(r"^\| `(\w+)\.", text, re.MULTILINE))
    assert named - {part for path in CODE for part in path.with_suffix("").parts} == set()


class TestPlanted:
    """What the tests above would complain of."""

    @pytest.mark.parametrize(
        "text",
        ["see `moecusp/master.py`", "in tests/test_nothing.py.", "`validation/discrete_rule/`", "in proofs/rocq",
         "`response_members.py`", "`test_nothing_*.py`"],
    )  # fmt: skip
    def test_paths(self, text):
        assert len(missing_paths(text, ROOT / "docs")) == 1

    @pytest.mark.parametrize(
        "text", ["`moecusp.response_members`", "moecusp.fold_asymmetri(2)", "`validation.discrete_rule`",
                 "`moecusp.LoadResponse.ramp_dely`", "python -m proofs.serie"],
    )  # fmt: skip
    def test_names(self, text):
        assert len(missing_names(text)) == 1

    @pytest.mark.parametrize(
        "text", ["`test_docs.py::TestPlanted::test_nothing`", "tests/test_nothing.py::TestPlanted"]
    )
    def test_tests(self, text):
        assert len(missing_tests(text)) == 1

    def test_what_is_there(self):
        assert missing_tests("`test_docs.py::TestPlanted::test_tests`, tests/validation/test_claims.py::TestForm") == []
        text = (
            "`moecusp/folds.py`, tests/test_folds.py, `test_folds.py`, validation/mean_field/, `test_statements_*.py`"
        )
        assert missing_paths(text, ROOT / "docs") == []
        text = (
            "moecusp.fold_asymmetry, `moecusp.LoadResponse.ramp_delay`, `moecusp.certify`, python -m validation.pages"
        )
        assert missing_names(text) == []


class TestGenerated:
    def test_generated_pages_are_current(self):
        assert pages.stale() == []

    @pytest.mark.parametrize("name", pages.PAGES)
    def test_a_page_that_is_not_is_found(self, tmp_path, monkeypatch, capsys, name):
        for each, page in pages.PAGES.items():
            (tmp_path / each).write_text(page() + ("one more line\n" if each == name else ""))
        assert pages.stale(tmp_path) == [name]
        (tmp_path / name).unlink()
        assert pages.stale(tmp_path) == [name]

    def test_command(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(pages, "FOLDER", tmp_path)
        monkeypatch.setattr(pages.stale, "__defaults__", (tmp_path,))
        assert pages.main(["--check"]) == 1
        assert "docs/notation.md is not current: make pages" in capsys.readouterr().out
        assert pages.main([]) == 0
        assert (tmp_path / "claims.md").read_text() == pages.claims()
        assert pages.main(["--check"]) == 0
        assert pages.main(["--chekc"]) == 2

    def test_notation_has_every_symbol(self):
        """Of a router, of the reports and of the formulas: taken from there, not from the page."""
        from moecusp import RouterParameters, symbolic
        from validation.symbols import QUANTITIES

        text = pages.notation()
        for name, each in RouterParameters.__dataclass_fields__.items():
            assert f"| {each.metadata['symbol']} | {name.replace('_', ' ')} |" in text
        for quantity in QUANTITIES.values():
            if quantity.symbol:
                assert f"| {quantity.name} |" in text
        for form in symbolic.FORMULAS.values():
            assert all(f"| `{symbolic.ARGUMENTS[symbol]}` |" in text for symbol in form.variables)
