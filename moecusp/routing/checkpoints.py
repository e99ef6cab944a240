"""A folder with a model of transformers and its tokenizer (the extra ``hf``): opened from disk, nothing downloaded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from moecusp._arguments import ParameterError
from moecusp.routing.state import on_device

DTYPES = ("auto", "float32", "bfloat16", "float16")
TOKENIZERS = (  # without one of these some classes of transformers make up a vocabulary that knows no text
    "tokenizer.json",
    "*.model",
    "*.tiktoken",
    "vocab.json",
    "vocab.txt",
    "tekken.json",
)


def open_model(folder: str | os.PathLike[str], *, device: str | None = None, dtype: str = "auto") -> nn.Module:
    """Open the model of a folder that ``save_pretrained`` wrote, for evaluation.

    Parameters
    ----------
    folder : path
        With config.json and weights.
    device : str, optional
        Default: "cuda" if there is one, else "cpu".
    dtype : {"auto", "float32", "bfloat16", "float16"}
        Of the weights; "auto": as they are saved. Choices of experts are those that this precision makes.

    Returns
    -------
    Module
        In evaluation mode.

    Raises
    ------
    ParameterError
        If the folder has no model of transformers, or weights are missing (they would be random).
    ImportError
        Without transformers.

    Examples
    --------
    >>> from moecusp.routing import open_model
    >>> open_model("no/such/folder")
    Traceback (most recent call last):
    moecusp._arguments.ParameterError: folder = 'no/such/folder': folder must be a folder with config.json: nothing is \
downloaded
    """
    transformers, path = _transformers(), _folder(folder)
    if dtype not in DTYPES:
        raise ParameterError("dtype", dtype, f"one of {', '.join(map(repr, DTYPES))}")
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    on_device(place)
    with _errors("folder", path, "a model that this transformers opens"), _quiet(transformers):
        config = transformers.AutoConfig.from_pretrained(path, local_files_only=True)
        names = getattr(config, "architectures", None) or ["AutoModelForCausalLM"]
        kind = getattr(transformers, names[0], None)
        if kind is None:
            raise ValueError(f"transformers {transformers.__version__} has no {names[0]}")
        model, loading = kind.from_pretrained(path, local_files_only=True, dtype=dtype, output_loading_info=True)
    missing = sorted(loading["missing_keys"])
    if missing:
        few = ", ".join(missing[:3])
        raise ParameterError("folder", str(path), f"with all weights: {len(missing)} are missing, such as {few}")
    return model.to(place).eval()  # type: ignore[no-any-return]


def open_tokenizer(folder: str | os.PathLike[str]) -> Any:
    """Open the tokenizer of a folder that ``save_pretrained`` wrote.

    Parameters
    ----------
    folder : path
        With the vocabulary: one of tokenizer.json, vocab.json, vocab.txt, tekken.json, or a .model or .tiktoken file.

    Returns
    -------
    object
        A tokenizer of transformers.

    Raises
    ------
    ParameterError
        If there is none: text is never cut into bytes or characters in its place.
    ImportError
        Without transformers, or without what the tokenizer needs besides.

    Examples
    --------
    >>> from moecusp.routing import open_tokenizer
    >>> open_tokenizer("no/such/folder")
    Traceback (most recent call last):
    moecusp._arguments.ParameterError: folder = 'no/such/folder': folder must be a folder with config.json: nothing is \
downloaded
    """
    transformers, path = _transformers(), _folder(folder)
    if not any(any(path.glob(pattern)) for pattern in TOKENIZERS):
        wanted = f"with a tokenizer ({', '.join(TOKENIZERS)}): text is not cut into bytes or characters in its place"
        raise ParameterError("folder", str(path), wanted)
    with _errors("folder", path, "with a tokenizer that this transformers opens"), _quiet(transformers):
        return transformers.AutoTokenizer.from_pretrained(path, local_files_only=True)


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise ImportError("models are opened by transformers, in the extra hf: pip install 'moecusp[hf]'") from error
    return transformers


def _folder(folder: str | os.PathLike[str]) -> Path:
    try:
        path = Path(folder)
        there = (path / "config.json").is_file()
    except (TypeError, ValueError, OSError):
        there = False
    if not there:
        raise ParameterError("folder", str(folder), "a folder with config.json: nothing is downloaded")
    return path


@contextmanager
def _errors(name: str, path: Path, allowed: str) -> Iterator[None]:
    """Say of whatever transformers raises which folder it was about; what is missing on the machine stays as it is."""
    try:
        yield
    except (ImportError, MemoryError):
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        raise ParameterError(name, str(path), f"{allowed}; {type(error).__name__}: {said}") from error


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep transformers from drawing its own bars and from telling what is raised here."""
    logging = transformers.utils.logging
    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
