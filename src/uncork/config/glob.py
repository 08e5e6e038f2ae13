"""The paths that a shell pattern finds, as the C library finds them.

Runs in: the process that reads the configuration, and only for option `for-glob`.

Python's own `glob` knows neither `\\` before a sign nor `[[:digit:]]` and `[^a]`, and does not mark directories.
"""

import ctypes
import os

# glob.h, the same in glibc and musl.
_MARK = 1 << 1  # a slash behind each directory
_NO_CHECK = 1 << 4  # a pattern that finds nothing stands for itself


class _Found(ctypes.Structure):
    """`glob_t`, of which only the beginning is for us."""

    _fields_ = (
        ("count", ctypes.c_size_t),
        ("paths", ctypes.POINTER(ctypes.c_char_p)),
        ("_rest", ctypes.c_char * 240),
    )


def glob(pattern: str) -> list[str]:
    """The paths in order, or the pattern itself where it finds none.  Raises ValueError if it can be no path."""
    if "\0" in pattern:
        raise ValueError("it holds a NUL byte")
    libc = ctypes.CDLL(None)
    found = _Found()
    try:
        if libc.glob(os.fsencode(pattern), _MARK | _NO_CHECK, None, ctypes.byref(found)) != 0:
            return [pattern]
        return [os.fsdecode(found.paths[index]) for index in range(found.count)]
    finally:
        libc.globfree(ctypes.byref(found))
