"""The C library's heap: studies allocate tensors of some megabytes and free them, thousands of times."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # of <malloc.h>
_NEVER, _STEP = 2**31 - 1, 2**26


def hold() -> bool:
    """Keep freed memory for the next tensor instead of handing it back to the system, from now on in this process.

    By default glibc maps every large block afresh, so that each of its pages is a page fault and is zeroed by the
    kernel: a fifth of the time of the routers study. No number depends on it. The process holds on to its peak.

    Returns
    -------
    bool
        Whether the C library could be told: not where it is none of GNU's.

    Examples
    --------
    >>> from validation.memory import hold
    >>> hold() in (True, False)
    True
    """
    try:
        tell = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return all(tell(name, value) == 1 for name, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER), (_TOP_PAD, _STEP)))
