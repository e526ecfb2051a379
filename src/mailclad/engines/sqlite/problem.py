"""What SQLite and the system report → what a store may refuse."""

import errno

import apsw

from mailclad.store.errors import DiskFull, StoreProblem, StoreUnavailable

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def problem_of(error: Exception) -> Exception:
    """The refusal to give; a bug stays what it is."""
    if isinstance(error, StoreProblem):
        return error
    if isinstance(error, apsw.FullError) or (
        isinstance(error, OSError) and error.errno in _NO_ROOM
    ):
        return DiskFull("the disk that holds the mail is full: make room on it")
    if isinstance(error, apsw.Error | OSError):
        return StoreUnavailable(f"the store could not do it now: {error}")
    return error
