"""BLAS on one thread where products are small: to share the product of a block of tokens costs more than it saves."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """Keep BLAS to one thread inside the context.

    The number of threads is one for the whole process, and only the thread of Python that set it first can set it: of
    several at once, none leaves it limited.
    """
    limited: AbstractContextManager[Any] = _libraries().limit(limits=1, user_api="blas")
    return limited


@cache
def _libraries() -> Any:
    """Return the libraries of this process, looked for once, SciPy's among them."""
    import scipy.linalg.blas  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
