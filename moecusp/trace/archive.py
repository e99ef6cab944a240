"""Named arrays and a header of text in one file: npz (a zip of npy entries, never pickled) or safetensors.

Entries are stored as they are, not compressed, so no file claims more than its own size.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from moecusp.trace.files import GIB, MAX_HEADER, TraceFileError, parsed

Arrays = Mapping[str, NDArray[Any]]

HEADER = "header"
TYPES = frozenset("int64 float64 float32 float16 bool uint8".split())
_CODES = {"I64": np.int64, "F64": np.float64, "F32": np.float32, "F16": np.float16, "BOOL": np.bool_, "U8": np.uint8}
MOST_NPZ = 2 * GIB - 2**24  # bytes: beyond, a zip's last record points to another one
_END = 22  # bytes of a zip's last record, without a comment


def write_npz(path: Path, header: str, arrays: Arrays) -> None:
    """Write a zip that numpy.load opens too; the same content gives the same bytes."""
    entries = {HEADER: np.frombuffer(header.encode(), np.uint8), **arrays}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in entries.items():
            entry = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            entry.file_size = array.nbytes + 1000  # decides on zip64 before the entry is written
            with archive.open(entry, "w") as stream:
                npy.write_array(stream, np.ascontiguousarray(array), (1, 0), allow_pickle=False)


def read_npz(path: Path) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return header and arrays, or raise TraceFileError."""
    try:
        with open(path, "rb") as file:
            size, count = _check_end(path, file)
            with zipfile.ZipFile(file) as archive:
                entries = archive.infolist()
                names = [entry.filename for entry in entries]
                if len(set(names)) < len(names) or len(names) != count:
                    raise TraceFileError(path, "an entry is there twice, or not there")
                if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
                    raise TraceFileError(
                        path, "compressed or encrypted entries are not read (a small one may claim all memory)"
                    )
                if sum(entry.file_size for entry in entries) > size:
                    raise TraceFileError(path, "the entries claim more than the file holds")
                arrays = {entry.filename.removesuffix(".npy"): _entry(path, archive, entry) for entry in entries}
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, struct.error) as error:
        if isinstance(error, TraceFileError):
            raise
        raise TraceFileError(path, f"not a whole .npz file: {str(error)[:200]}") from error
    header = arrays.pop(HEADER, None)
    if header is None or header.dtype != np.uint8 or header.ndim != 1 or header.size > MAX_HEADER:
        raise TraceFileError(path, f"no entry {HEADER!r} of at most {MAX_HEADER} bytes: not a routing trace")
    try:
        return header.tobytes().decode(), arrays
    except UnicodeDecodeError as error:
        raise TraceFileError(path, "its header is not UTF-8") from error


def _check_end(path: Path, file: IO[bytes]) -> tuple[int, int]:
    """Return the file's size and number of entries; raise TraceFileError if its table of contents is too long."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END))
    last = file.read(_END)
    if len(last) < _END or last[:4] != b"PK\5\6" or last[-2:] != b"\0\0":
        raise TraceFileError(path, "not a whole .npz file: it does not end as one")
    count, contents, start = struct.unpack("<HII", last[10:20])
    file.seek(max(0, size - _END - 20))
    if contents > MAX_HEADER or start + contents != size - _END or file.read(4) == b"PK\6\7":
        raise TraceFileError(path, f"its table of contents is not in place, or longer than {MAX_HEADER} bytes")
    return size, count


def _entry(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(entry) as stream:
        version = npy.read_magic(stream)
        if version != (1, 0):
            raise TraceFileError(path, f"entry {entry.filename!r} is of npy version {version}, not (1, 0)")
        shape, fortran, dtype = npy.read_array_header_1_0(stream)
        if dtype.name not in TYPES or not dtype.isnative or fortran:
            raise TraceFileError(
                path, f"entry {entry.filename!r} has type {dtype}, in rows or columns: not one of a trace"
            )
        claimed = dtype.itemsize
        for length in shape:  # Python integers: no overflow
            claimed *= int(length)
        rest = entry.file_size - stream.tell()
        if min(shape, default=0) < 0 or claimed != rest:
            raise TraceFileError(path, f"entry {entry.filename!r} claims {claimed} bytes and holds {rest}")
        return np.frombuffer(stream.read(), dtype).reshape(shape)


def write_safetensors(path: Path, header: str, arrays: Arrays) -> None:
    """Write with the package safetensors."""
    module = _safetensors()
    module.numpy.save_file({n: np.ascontiguousarray(a) for n, a in arrays.items()}, path, {HEADER: header})


def read_safetensors(path: Path, mapped: bool = False) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return header and arrays, or raise TraceFileError; if mapped, they stay in the file until they are looked at."""
    module = _safetensors()
    with open(path, "rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= MAX_HEADER:
            raise TraceFileError(path, f"not a .safetensors file with a header of at most {MAX_HEADER} bytes")
        contents = parsed(path, file.read(length).decode(errors="replace"))  # the package takes a key twice
    if not isinstance(contents, dict):
        raise TraceFileError(path, "not a .safetensors file: its header is no mapping")
    try:
        with module.safe_open(path, framework="np") as file:
            header = (file.metadata() or {}).get(HEADER)
            found = _mapped(path, 8 + length, contents) if mapped else file.get_tensor
            arrays = {name: found(name) for name in file.keys()}
    except (module.SafetensorError, TypeError, AttributeError, ValueError) as error:
        raise TraceFileError(path, f"not a whole .safetensors file: {str(error)[:200]}") from error
    for name, array in arrays.items():
        if array.dtype.name not in TYPES:
            raise TraceFileError(path, f"entry {name[:100]!r} has type {array.dtype.name}: not one of a trace")
        array.flags.writeable = False
    if not isinstance(header, str):
        raise TraceFileError(path, f"no metadata {HEADER!r}: not a routing trace")
    return header, arrays


def _mapped(path: Path, start: int, contents: Mapping[str, Any]) -> Callable[[str], NDArray[Any]]:
    """Return a function from a name to its array in the file, of a table of contents that the package has checked."""
    whole = np.memmap(path, np.uint8, "r", start) if path.stat().st_size > start else np.empty(0, np.uint8)

    def array(name: str) -> NDArray[Any]:
        (first, last), code = contents[name]["data_offsets"], contents[name]["dtype"]
        if code not in _CODES:
            raise TraceFileError(path, f"entry {name[:100]!r} has type {code}: not one of a trace")
        return np.asarray(whole[first:last].view(_CODES[code]).reshape(contents[name]["shape"]))

    return array


def _safetensors() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(".safetensors needs the extra 'trace': pip install 'moecusp[trace]'") from error
    return safetensors


def dumped(header: object) -> str:
    """Return JSON that is the same for the same content."""
    return json.dumps(header, separators=(",", ":"), allow_nan=False)
