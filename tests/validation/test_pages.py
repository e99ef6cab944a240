"""The generated pages: what stands in them, and the command that writes or compares them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from validation import pages
from validation.claims import Claim


@pytest.fixture(name="docs")
def _docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the pages, a copy, and short pages in the place of the generated ones."""
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    monkeypatch.setattr(pages, "PAGES", {"notation.md": lambda: "κ\n", "claims.md": lambda: "K1\n"})
    monkeypatch.setattr(pages, "stale", lambda folder=tmp_path, stale=pages.stale: stale(folder))
    return tmp_path


def test_the_pages_are_those_of_the_docs(tmp_path: Path) -> None:
    for name in pages.PAGES:
        shutil.copy(pages.FOLDER / name, tmp_path / name)
    assert set(pages.PAGES) == {"notation.md", "claims.md"}
    assert pages.stale() == pages.stale(tmp_path) == []
    for name in pages.PAGES:
        (tmp_path / name).write_text((tmp_path / name).read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert pages.stale(tmp_path) == ["notation.md", "claims.md"]
    assert pages.FOLDER == Path(__file__).parents[2] / "docs"


class TestRow:
    def test_of_a_claim(self) -> None:
        claim = Claim(
            "K1", "a | b_c", "arXiv:2101.00001", {"s": ("s.x", "s.*"), "t": ("y",)}, ("tests/test_a.py",), "Not z.", "u"
        )
        assert pages._row(claim) == (
            "K1", "a \\| b\\_c", "[arXiv:2101.00001](https://arxiv.org/abs/2101.00001)",
            "`s.x` (s), `s.*` (s), `y` (t), `tests/test_a.py`", "Not z. Study: `u`.",
        )  # fmt: skip

    def test_of_one_of_ours(self) -> None:
        assert pages._row(Claim("Z1", "a", "ours", {"s": ("s.x",)})) == ("Z1", "a", "ours", "`s.x` (s)", "")

    def test_table(self) -> None:
        assert pages._table(("a", "b"), [("1", ""), ("", "2")]) == "| a | b |\n| --- | --- |\n| 1 | – |\n| – | 2 |"


class TestCommand:
    def test_writes_what_is_not_current(self, docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (docs / "claims.md").write_text("K1\n", encoding="utf-8")
        assert pages.main([]) == 0
        assert capsys.readouterr().out == "docs/notation.md written\n"
        assert (docs / "notation.md").read_bytes() == "κ\n".encode()
        assert pages.main([]) == 0
        assert capsys.readouterr().out == ""

    def test_check_only_compares(self, docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert pages.main(["--check"]) == 1
        assert capsys.readouterr().out == (
            "docs/notation.md is not current: make pages\ndocs/claims.md is not current: make pages\n"
        )
        assert list(docs.iterdir()) == []
        pages.main([])
        capsys.readouterr()
        assert pages.main(["--check"]) == 0
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize("arguments", [["--cheque"], ["--check", "x"]])
    def test_usage(self, docs: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
        assert pages.main(arguments) == 2
        assert capsys.readouterr() == ("", "usage: python -m validation.pages [--check]\n")
        assert list(docs.iterdir()) == []
