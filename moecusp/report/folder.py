"""The folder of a report: whose files it holds, whether it can be written, and its replacement in one piece."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from moecusp._arguments import ParameterError

GENERATOR = "moecusp"
LONGEST_NAME = 120
"""Bytes in the longest name of a file of a report."""


def manifest(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the marker that report.json carries: who wrote the folder, and the SHA-256 of every other file in it."""
    return {"generator": GENERATOR, "files": {name: _sha256(_encoded(text)) for name, text in sorted(texts.items())}}


def check_folder(folder: Path) -> None:
    """Raise ParameterError unless `folder` can be written: asked before any work starts.

    It may be missing, empty, or hold an earlier report and nothing else: a file that report.json does not name, or that
    was changed since it was written, is somebody's work, and the folder is left alone. A symbolic link to a folder is
    followed: the folder it points to is written, and the link stays. Names that the file system or UTF-8
    cannot take are refused.
    """
    try:
        target = _target(folder)
        if target.exists():
            _check_contents(folder, target)
        _try(target)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ParameterError("output", str(folder), f"a folder that can be written ({reason})") from error


def replace_folder(texts: Mapping[str, str], folder: Path) -> Path:
    """Put files into `folder`, all of them or none, in place of an earlier report; return where they are.

    They are written into a hidden folder beside it, which is then renamed; whatever happens short of a kill between two
    renames, the earlier report or the new one stands, and nothing hidden is left.

    Parameters
    ----------
    texts : mapping
        Text by path within the folder, report.json with its `manifest` among them.
    folder : Path
        Missing, empty or holding an earlier report; a symbolic link is followed.

    Raises
    ------
    ParameterError
        As `check_folder`.
    """
    check_folder(folder)
    target = _target(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    hidden = Path(tempfile.mkdtemp(prefix=f".{GENERATOR}-", dir=target.parent))
    try:
        for name, text in texts.items():
            path = hidden / "new" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_encoded(text))
        _swap(hidden / "new", target, hidden / "old")
    finally:
        shutil.rmtree(hidden)
    return target


def _swap(fresh: Path, target: Path, old: Path) -> None:
    """Rename `fresh` to `target`, which becomes `old`; put it back if that fails."""
    try:
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise


def _target(folder: Path) -> Path:
    """Return where a folder really is, links followed."""
    text = str(folder)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ParameterError("output", text, "a name in UTF-8") from error
    if "\0" in text:
        raise ParameterError("output", text, "a name without NUL")
    try:
        target = folder.resolve()
    except RuntimeError:  # a loop, before Python 3.13
        target = folder
    if target.is_symlink():
        raise ParameterError("output", text, "a folder, not a link that leads to itself")
    return target


def _check_contents(folder: Path, target: Path) -> None:
    if not target.is_dir():
        raise ParameterError("output", str(folder), "a folder")
    if os.path.ismount(target):
        raise ParameterError("output", str(folder), "a folder that can be renamed, such as one inside this mount point")
    known = _known(target)
    foreign = next(_foreign(target, target, known), None)
    if foreign is not None:
        raise ParameterError(
            "output", str(folder), f"a folder of its own: this one holds {foreign!r}, which no report there has written"
        )


def _try(target: Path) -> None:
    """Make what will be made, under the same names, in a hidden folder beside the place; take it away again."""
    place = target.parent
    while not place.exists():
        place = place.parent
    probe = Path(tempfile.mkdtemp(prefix=f".{GENERATOR}-", dir=place))
    try:
        deepest = probe / target.relative_to(place) / "figures"
        deepest.mkdir(parents=True)
        (deepest / ("x" * LONGEST_NAME)).touch()
    finally:
        shutil.rmtree(probe)


def _foreign(folder: Path, top: Path, known: Mapping[str, str | None]) -> Iterator[str]:
    """Yield the entries, at every depth, that are not as a report has written them."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        name = Path(entry.path).relative_to(top).as_posix()
        if entry.is_dir(follow_symlinks=False):
            if not any(file.startswith(name + "/") for file in known):
                yield name
            elif not os.access(entry.path, os.W_OK | os.X_OK):
                raise PermissionError(13, f"no permission to empty {name}")
            else:
                yield from _foreign(Path(entry.path), top, known)
        elif not entry.is_file(follow_symlinks=False) or name not in known:
            yield name
        elif known[name] is not None and _sha256(Path(entry.path).read_bytes()) != known[name]:
            yield name


def _known(target: Path) -> dict[str, str | None]:
    """Return the SHA-256 of each file that the report in a folder says it wrote, None where it does not say."""
    try:
        content = json.loads((target / "report.json").read_bytes())
        if content.get("generator") == GENERATOR:
            return {"report.json": None, "figures/": None, **{str(k): str(v) for k, v in content["files"].items()}}
        if content["schema_version"] == 1 and {"study", "provenance", "findings"} <= set(content):  # before the marker
            pictures = [f"figures/{figure['id']}.svg" for figure in content["figures"]]
            return dict.fromkeys(["index.html", "report.md", "report.json", "figures/", *pictures])
    except (OSError, ValueError, RecursionError, AttributeError, KeyError, TypeError):
        pass
    return {}


def _encoded(text: str) -> bytes:
    return text.encode(errors="backslashreplace")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
