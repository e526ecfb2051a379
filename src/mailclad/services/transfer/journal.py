"""The journal of an import: what was taken already, so that it can be broken off and run again.

A text file, one JSON object a line, only ever added to; one import at a time has it.  A message
is known by its mailbox, its digest, and which of several equal ones it is.  The moves:

1. ``begin``: the batch and the mailbox's next UID are written and made durable.
2. The store appends the batch: durable when it returns.
3. ``settle``: a line says so; durable with the next ``begin`` at the latest.

What a crash leaves, and what the next run does:

====================================  ===================================================
after                                 the next run
====================================  ===================================================
before 1 is durable                   nothing was stored: takes the batch
1, before 2 is durable                looks at the messages from the next UID on: none of
                                      the batch is there: takes it
2, before 3 is durable                finds the batch there, by its digests: leaves it out
3                                     knows the batch
a line broken off in the middle       is left out: it was not durable
====================================  ===================================================

So nothing is lost and nothing comes twice; but for a message that someone deleted or moved
between the crash and the next run, which comes again.
"""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self

from mailclad.services.transfer.model import TransferRefused

DIGEST_OCTETS = 16
_STORED = b'{"stored": true}\n'


def digest_of(octets: bytes) -> str:
    return blake2b(octets, digest_size=DIGEST_OCTETS).hexdigest()


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages handed to the store together; each key is a digest and a number."""

    mailbox: str
    uid_next: int
    keys: tuple[str, ...]


class Journal:
    """``unsettled`` is a batch to look for in the store, and then to ``remember``."""

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.fdopen(os.open(path, flags, 0o600), "r+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            self._file.close()
            raise TransferRefused("this source is being imported already") from problem
        self._known: set[tuple[str, str]] = set()
        self.unsettled = self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def _read(self) -> Batch | None:
        """The batch that is open at the end; one that another follows was looked for."""
        self._file.seek(0)
        begun: Batch | None = None
        for line in self._file:
            found = _parsed(line)
            if isinstance(found, Batch):
                begun = found
            elif found and begun is not None:
                self._know(begun.mailbox, begun.keys)
                begun = None
        self._file.write(b"\n")  # a line that was broken off ends here
        return begun

    def _know(self, mailbox: str, keys: tuple[str, ...]) -> None:
        self._known.update((mailbox, key) for key in keys)

    def knows(self, mailbox: str, key: str) -> bool:
        return (mailbox, key) in self._known

    def begin(self, mailbox: str, uid_next: int, keys: tuple[str, ...]) -> Batch:
        """A batch that is about to be stored; durable on return."""
        batch = Batch(mailbox, uid_next, keys)
        self._file.write(_written(batch))
        self._file.flush()
        os.fdatasync(self._file.fileno())
        return batch

    def settle(self, batch: Batch) -> None:
        """The batch is stored."""
        self._know(batch.mailbox, batch.keys)
        self._file.write(_STORED)
        self._file.flush()

    def remember(self, batch: Batch, stored: tuple[str, ...]) -> None:
        """What was found in the store of the unsettled batch."""
        self._file.write(_written(Batch(batch.mailbox, 0, stored)) + _STORED)
        self._know(batch.mailbox, stored)
        self.unsettled = None


def _written(batch: Batch) -> bytes:
    return json.dumps(asdict(batch)).encode("ascii") + b"\n"


def _parsed(line: bytes) -> Batch | bool:
    """A batch, or whether the line says that one is stored."""
    try:
        found = json.loads(line)
        if "stored" in found:
            return bool(found["stored"])
        keys = tuple(map(str, found["keys"]))
        return Batch(str(found["mailbox"]), int(found["uid_next"]), keys)
    except (ValueError, KeyError, TypeError):
        return False
