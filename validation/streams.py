"""Named random streams: every random number of a study comes from one, and no two names share a stream."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

_registers: list[list[Stream]] = []


@dataclass(frozen=True)
class Stream:
    """A stream of random numbers, known by its name.

    Attributes
    ----------
    study, claim, case : str
        Whose numbers these are, what they are drawn for, and which of its cases.
    seed : int
        Of the run.
    """

    study: str
    claim: str
    case: str
    seed: int

    @property
    def digest(self) -> bytes:
        """SHA-256 of the name."""
        name = json.dumps([self.study, self.claim, self.case, self.seed], ensure_ascii=False)
        return hashlib.sha256(name.encode()).digest()

    def integer(self) -> int:
        """Return the seed of `moecusp.simulate`: 64 bits of the digest."""
        return int.from_bytes(self.digest[:8], "little")

    def numpy(self) -> np.random.Generator:
        """Return a generator of NumPy, seeded by the whole digest."""
        return np.random.default_rng(int.from_bytes(self.digest, "little"))

    def torch(self) -> torch.Generator:
        """Return a generator of torch on the CPU.

        Its Mersenne twister reads the low 32 bits of the seed only: tests/validation/test_streams.py shows that these
        differ among all names in use.
        """
        import torch

        return torch.Generator().manual_seed(self.integer())


def stream(study: str, claim: str, case: object, seed: int) -> Stream:
    """Return the stream of that name; the same name gives the same numbers, on any machine.

    Examples
    --------
    >>> from validation.streams import stream
    >>> stream("digits", "onset", 0, seed=0).integer() == stream("digits", "onset", 1, seed=0).integer()
    False
    """
    made = Stream(study, claim, str(case), seed)
    for register in _registers:
        register.append(made)
    return made


@contextmanager
def recorded() -> Iterator[list[Stream]]:
    """Note every stream that is asked for inside the context: how a test finds all the names in use."""
    register: list[Stream] = []
    _registers.append(register)
    try:
        yield register
    finally:
        _registers[:] = [each for each in _registers if each is not register]  # another may be equal
