"""A sweep in chunks: each a file, written whole or not at all, so that what is interrupted goes on from there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch

from moecusp import ParameterError
from validation.storage import SUFFIX, DamagedError, load, save
from validation.training.objective import Setting
from validation.training.sources import Source
from validation.training.sweep import Arrays, Make, Schedule, train
from validation.work import sources

CODE = Path(__file__).parent


def sweep(
    folder: Path,
    make: Make,
    source: Source,
    settings: Sequence[Setting],
    schedule: Schedule,
    *,
    study: str,
    chunk: int = 32,
    processes: int = 1,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    say: Callable[[str], object] = lambda _: None,
) -> Arrays:
    """Train one model for each setting, `chunk` of them together, and return what `train` does, in their order.

    Parameters
    ----------
    folder : Path
        Where the chunks are kept. A chunk that is there, whole, and of the same models, items and code is not trained
        again.
    make, source, settings, schedule, study, device, dtype
        As for `train`.
    chunk : int
        Models trained together.
    processes : int
        Chunks trained at a time, by joblib: in processes, unless `joblib.parallel_config` names another backend (dask,
        Ray) that sees the same folder.
    say : callable
        Told, in words, of each chunk that ends.

    Raises
    ------
    ParameterError
        If there are no settings, or chunk or processes is not positive.
    """
    for name, value in (("chunk", chunk), ("processes", processes), ("len(settings)", len(settings))):
        if value < 1:
            raise ParameterError(name, value, "an integer >= 1")
    folder.mkdir(parents=True, exist_ok=True)
    parts = [settings[first : first + chunk] for first in range(0, len(settings), chunk)]
    plain = {"study": study, "make": [type(make).__name__, asdict(make)], "schedule": asdict(schedule)}  # type: ignore[call-overload]
    whole = {**plain, "source": _digest(source), "numbers": f"{dtype} on {device}", "code": sources((CODE,))}
    headers = [{**whole, "settings": [asdict(each) for each in part]} for part in parts]
    paths = [folder / f"{number:05}{SUFFIX}" for number in range(len(parts))]
    todo = [number for number, path in enumerate(paths) if not _there(path, headers[number])]
    if len(todo) < len(parts):
        say(f"{len(parts) - len(todo)} of {len(parts)} chunks are there")

    def work(number: int) -> int:
        found = train(make, source, parts[number], schedule, study=study, device=device, dtype=dtype)
        save(paths[number], headers[number], found)
        return number

    pool = joblib.Parallel(n_jobs=min(processes, len(todo)) or 1, return_as="generator_unordered")
    for count, number in enumerate(pool(joblib.delayed(work)(number) for number in todo), start=1):
        say(f"chunk {number} is done, {len(todo) - count} to go")
    kept = [load(path).arrays for path in paths]
    return {name: np.concatenate([each[name] for each in kept]) for name in kept[0]}


def _there(path: Path, header: dict[str, Any]) -> bool:
    try:
        return bool(load(path).header == json.loads(json.dumps(header)))
    except (FileNotFoundError, DamagedError):
        return False


def _digest(source: Source) -> str:
    """Return the SHA-256 over the kind of a source and all it holds."""
    total = hashlib.sha256(type(source).__name__.encode())
    for field in fields(source):  # type: ignore[arg-type]
        value = getattr(source, field.name)
        total.update(f"\0{field.name}\0".encode())
        if isinstance(value, torch.Tensor):
            value = value.cpu().contiguous()
            total.update(f"{value.dtype} {tuple(value.shape)}\0".encode() + value.numpy().tobytes())
        else:
            total.update(repr(value).encode())
    return total.hexdigest()
