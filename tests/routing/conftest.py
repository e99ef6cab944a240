"""Folders with trained models, and the command that reads them."""

import pytest

from moecusp.__main__ import main


def written(factory, family):
    from tests.routing import folders  # needs transformers, which not all of these tests do

    folder = factory.mktemp(family)
    model, tokenizer = folders.write(folder / "model", family)
    (folder / "text.txt").write_text(folders.text(25, seed=3), encoding="utf-8")
    return folder, model, tokenizer


@pytest.fixture(name="mixtral", scope="session")
def _mixtral(tmp_path_factory):
    return written(tmp_path_factory, "mixtral")


@pytest.fixture(name="made", scope="session", params=["mixtral", "qwen2_moe"])
def _made(request, tmp_path_factory):
    same = request.param == "mixtral"
    return request.getfixturevalue("mixtral") if same else written(tmp_path_factory, request.param)


@pytest.fixture(name="one", scope="session")
def _one(mixtral):
    return mixtral[0]


@pytest.fixture(name="run")
def _run(capsys, monkeypatch):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["moecusp", *map(str, arguments)])
        status = main()
        return status, *capsys.readouterr()

    return run
