"""Opening index.db: which SQLite, which settings, which schema.

WAL with ``synchronous=FULL``: a commit that returned survives a power cut (NORMAL lost
mail in a simulated one).  Automatic checkpoints are off: they take turns with writers.
Migrations are numbered SQL files, applied forward only, each in one transaction.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import apsw

from mailclad.store.errors import StoreUnavailable

LEAST_SQLITE = (3, 51, 3)
"""Earlier ones can corrupt the database when a checkpoint resets the WAL under a writer."""

BUSY_MILLISECONDS = 10_000
"""Our own processes take turns by flock; this is for foreign ones, such as a backup."""

READ_CACHE_KIB = 16 * 1024
WRITE_CACHE_KIB = 32 * 1024
MAPPED_OCTETS = 1 << 30
"""Pages are read without a system call each: lists come a third faster.  (A disk that fails
under a mapped page ends the worker, which the supervisor replaces.)"""

WAL_OCTETS = 64 * 1024 * 1024
"""A WAL that grew longer, behind a slow backup, is cut back to this."""

STATEMENTS = 200
"""More than there are statements here, so that none is ever prepared twice."""

Bindings = Sequence[Any] | Mapping[str, Any]
"""By place, or by name."""


def check_sqlite(version: str) -> None:
    """Refuse a SQLite that can lose mail."""
    if tuple(int(part) for part in version.split(".")) < LEAST_SQLITE:
        least = ".".join(map(str, LEAST_SQLITE))
        raise StoreUnavailable(
            f"SQLite {version} can damage the index; {least} or later is needed: "
            "install a newer apsw"
        )


def open_index(path: Path, *, cache_kib: int) -> apsw.Connection:
    """A connection to an index that exists or is made; the schema is not looked at."""
    check_sqlite(apsw.sqlite_lib_version())
    # SQLite gives -wal and -shm the permissions of the database.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    db = apsw.Connection(str(path), statementcachesize=STATEMENTS)
    db.set_busy_timeout(BUSY_MILLISECONDS)
    # Without it SQLite may plan a statement anew for each binding of an executemany.
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "wal_autocheckpoint=0",
        f"journal_size_limit={WAL_OCTETS}",
        "temp_store=MEMORY",
        "trusted_schema=OFF",
        f"cache_size=-{cache_kib}",
        f"mmap_size={MAPPED_OCTETS}",
    ):
        rows(db, f"PRAGMA {pragma}")
    return db


def rows(db: apsw.Connection, sql: str, bindings: Bindings = ()) -> list[Any]:
    """All rows of one statement."""
    return db.execute(sql, bindings).fetchall()


def many(db: apsw.Connection, sql: str, bindings: Iterable[Bindings]) -> list[Any]:
    """One statement for each of many bindings; the rows of all."""
    return db.executemany(sql, bindings).fetchall()


def first_row(db: apsw.Connection, sql: str, bindings: Sequence[Any] = ()) -> Any:
    """The first row, or None."""
    found = db.execute(sql, bindings).fetchall()
    return found[0] if found else None


@contextlib.contextmanager
def snapshot(db: apsw.Connection) -> Iterator[None]:
    """Several reads of one moment."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("COMMIT")


@cache
def migrations() -> tuple[tuple[int, str], ...]:
    """Number and SQL of each migration, ascending, without gaps; read from disk once."""
    files = resources.files("mailclad.engines.sqlite").joinpath("migrations").iterdir()
    found = sorted((file.name, file.read_text()) for file in files if file.name.endswith(".sql"))
    return tuple([(int(name[:4]), sql) for name, sql in found])


def migrate(db: apsw.Connection, steps: Sequence[tuple[int, str]]) -> None:
    """Bring the schema up to date; the caller holds the write lock."""
    at: int = first_row(db, "PRAGMA user_version")[0]
    if at > steps[-1][0]:
        raise StoreUnavailable(
            f"the index has schema {at}, made by a later version; known here: {steps[-1][0]}"
        )
    for number, sql in steps:
        if number > at:
            with db:
                rows(db, f"{sql}; PRAGMA user_version={number}")
