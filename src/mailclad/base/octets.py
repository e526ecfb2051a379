"""A message's octets in one piece, wherever they lie, and the spool that gathers them.

``Octets`` is bytes in memory or a mapped file: both have ``find``, slices that
are bytes, ``len`` and work with :mod:`re`, so the scanner reads either alike.
"""

import mmap
from typing import Protocol

Octets = bytes | mmap.mmap

THREAD_OCTETS = 256 * 1024
"""A longer message is hashed on a thread, so that others are served: it takes a millisecond.
A change of threads costs a tenth of one, and more where the other thread is busy."""


class Spool(Protocol):
    """Holds one message while it arrives: in memory at first, then in a file without a name.

    Nothing in a spool is durable; it is the store's to make it so.
    """

    @property
    def octets(self) -> int:
        """How many octets it holds."""
        ...

    def write(self, data: bytes) -> None:
        """Add at the end; raises OSError when the disk is full."""
        ...

    def view(self) -> Octets:
        """All of it in one piece; no write may follow."""
        ...

    def prepend(self, data: bytes) -> None:
        """Put this before all the rest, also after a view; that view stays what it was.

        What lies in a file is copied.  Raises OSError when the disk is full.
        """
        ...

    def close(self) -> None:
        """Let go of memory and file; closing twice is harmless."""
        ...


class NewSpool(Protocol):
    """Makes an empty spool."""

    def __call__(self) -> Spool: ...
