"""Proof that a store is whole: walks index and packs and names everything that is not true.

Comes in: the store's directory.  Goes out: problems in plain words, none when all is well.
Reads only, and may run while the server does: what must agree is read in one snapshot, and
a body that moved or went meanwhile is looked up again.
"""
# ruff: noqa: S608 - the rules are constants

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from mailclad.engines.packs.reader import PackReader, pack_numbers
from mailclad.engines.packs.writer import pack_path
from mailclad.engines.sqlite.connection import READ_CACHE_KIB, open_index, rows, snapshot
from mailclad.engines.sqlite.open_body import open_body
from mailclad.engines.sqlite.queue_rules import QUEUE_RULES, Rule
from mailclad.engines.sqlite.report_rules import REPORT_RULES
from mailclad.store.errors import BodyDamaged, MessageNotFound
from mailclad.store.model import ContentId, Flag

BODIES_AT_ONCE = 1_000
"""Contents are listed in pieces of this size, so that no snapshot lasts long."""

Progress = Callable[[int, int], None]
"""Called with the bodies that were checked and how many there are."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it must be."""

    text: str


_RULES = (
    Rule(
        "SELECT b.id, b.messages, b.unseen, b.deleted, b.octets, count(m.uid),"
        f" coalesce(sum(m.flags & {Flag.SEEN} = 0), 0),"
        f" coalesce(sum(m.flags & {Flag.DELETED} != 0), 0), coalesce(sum(m.octets), 0)"
        " FROM mailbox b LEFT JOIN message m ON m.mailbox = b.id GROUP BY b.id"
        " HAVING b.messages != count(m.uid)"
        f" OR b.unseen != coalesce(sum(m.flags & {Flag.SEEN} = 0), 0)"
        f" OR b.deleted != coalesce(sum(m.flags & {Flag.DELETED} != 0), 0)"
        " OR b.octets != coalesce(sum(m.octets), 0)",
        "mailbox {}: it counts {} messages, {} unseen, {} deleted, {} octets;"
        " there are {}, {}, {} and {}",
    ),
    Rule(
        "SELECT b.id, m.uid, b.uid_next FROM mailbox b JOIN message m ON m.mailbox = b.id"
        " WHERE m.uid >= b.uid_next OR m.uid < 1",
        "mailbox {}: message {} is not below its next UID, {}",
    ),
    Rule(
        "SELECT b.id, m.uid, m.mod_seq, b.highest_mod_seq FROM mailbox b"
        " JOIN message m ON m.mailbox = b.id"
        " WHERE m.mod_seq > b.highest_mod_seq OR m.arrived > m.mod_seq",
        "mailbox {}: message {} has mod-sequence {}, the mailbox's highest is {}",
    ),
    Rule(
        "SELECT mailbox, uid, arrived FROM (SELECT mailbox, uid, arrived,"
        " lag(arrived) OVER (PARTITION BY mailbox ORDER BY uid) AS before FROM message)"
        " WHERE arrived < before",
        "mailbox {}: message {} arrived at {}, before the one that lies ahead of it",
    ),
    Rule(
        "SELECT b.id, b.highest_mod_seq, a.mod_seq FROM mailbox b"
        " LEFT JOIN account_state a ON a.account = b.account"
        " WHERE a.mod_seq IS NULL OR b.highest_mod_seq > a.mod_seq",
        "mailbox {}: its mod-sequence {} is beyond its account's, {}",
    ),
    Rule(
        "SELECT m.mailbox, m.uid FROM message m LEFT JOIN mailbox b ON b.id = m.mailbox"
        " WHERE b.id IS NULL",
        "mailbox {} is gone, but its message {} is still there",
    ),
    Rule(
        "SELECT m.mailbox, m.uid, m.content FROM message m"
        " LEFT JOIN content c ON c.id = m.content LEFT JOIN prepared p ON p.content = m.content"
        " WHERE c.id IS NULL OR p.content IS NULL OR c.octets != m.octets",
        "mailbox {}: message {} names content {}, which is missing or of another size",
    ),
    Rule(
        "SELECT c.id, c.places, count(h.content) FROM content c LEFT JOIN"
        " (SELECT content FROM message UNION ALL SELECT content FROM queue_message) h"
        " ON h.content = c.id GROUP BY c.id HAVING c.places != count(h.content)"
        " OR c.places = 0",
        "content {} counts {} places, there are {}",
    ),
    Rule(
        "SELECT p.content FROM prepared p LEFT JOIN content c ON c.id = p.content"
        " WHERE c.id IS NULL",
        "content {} is gone, but its prepared columns are still there",
    ),
    Rule(
        "SELECT e.mailbox, m.uid FROM expunged e JOIN message m"
        " ON m.mailbox = e.mailbox AND m.uid BETWEEN e.first_uid AND e.last_uid",
        "mailbox {}: message {} was expunged, but it is there",
    ),
    Rule(
        "SELECT e.mailbox, e.mod_seq, e.first_uid, e.last_uid FROM expunged e"
        " LEFT JOIN mailbox b ON b.id = e.mailbox WHERE b.id IS NULL"
        " OR e.mod_seq > b.highest_mod_seq OR e.last_uid >= b.uid_next"
        " OR e.last_uid < e.first_uid",
        "mailbox {}: its history at {} of UIDs {} to {} cannot be",
    ),
    Rule(
        "SELECT k.id, k.octets, k.live, coalesce(sum(c.stored), 0),"
        " coalesce(max(c.start + c.stored), 0) FROM pack k LEFT JOIN content c ON c.pack = k.id"
        " GROUP BY k.id HAVING k.live != coalesce(sum(c.stored), 0)"
        " OR k.octets < coalesce(max(c.start + c.stored), 0)",
        "pack {} should have {} octets, {} of them in use; {} are, the last ends at {}",
    ),
    Rule(
        "SELECT c.id, c.pack FROM content c LEFT JOIN pack k ON k.id = c.pack WHERE k.id IS NULL",
        "content {} lies in pack {}, which the index does not know",
    ),
    Rule(
        "SELECT s.name, s.last, t.id FROM sequence s JOIN (SELECT 'content' AS name,"
        " max(id) AS id FROM content UNION SELECT 'mailbox', max(id) FROM mailbox UNION"
        " SELECT 'account', max(id) FROM account UNION SELECT 'pack', max(id) FROM pack UNION"
        " SELECT 'queue', max(id) FROM queue_message UNION"
        " SELECT 'uid_validity', max(uid_validity) FROM mailbox) t ON t.name = s.name"
        " WHERE s.last < t.id",
        "the counter of {} stands at {}, but {} is in use",
    ),
    *QUEUE_RULES,
    *REPORT_RULES,
    Rule("SELECT integrity_check FROM pragma_integrity_check() WHERE integrity_check != 'ok'",
          "the index is damaged: {}"),
    Rule('SELECT "table", rowid, parent FROM pragma_foreign_key_check()',
          "{} row {}: its {} is missing"),
)  # fmt: skip


def verify(directory: Path, progress: Progress | None = None) -> list[Problem]:
    """All that is wrong, by rule, then by body."""
    index = directory / "index.db"
    if not index.is_file():
        return [Problem(f"there is no store in {directory}: index.db is missing")]
    try:
        with contextlib.closing(open_index(index, cache_kib=READ_CACHE_KIB)) as db:
            return _verify_index(db, PackReader(directory / "packs"), progress or _silent)
    except apsw.Error as error:
        return [Problem(f"the index cannot be read: {error}")]


def _verify_index(db: apsw.Connection, packs: PackReader, progress: Progress) -> list[Problem]:
    with contextlib.closing(packs):
        with snapshot(db):
            problems = [problem for rule in _RULES for problem in _broken(db, rule)]
        problems += _bodies(db, packs, progress)
    return problems


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


def _broken(db: apsw.Connection, rule: Rule) -> list[Problem]:
    return [Problem(rule.words.format(*row)) for row in rows(db, rule.sql)]


def _bodies(db: apsw.Connection, packs: PackReader, progress: Progress) -> Iterator[Problem]:
    total = rows(db, "SELECT count(*) FROM content")[0][0]
    some = "SELECT id, octets, digest FROM content WHERE id > ? ORDER BY id LIMIT ?"
    last = done = 0
    while found := rows(db, some, (last, BODIES_AT_ONCE)):
        for row in found:
            problem = _body_problem(db, packs, row)
            if problem is not None:
                yield problem
        last = found[-1][0]
        done += len(found)
        progress(done, max(done, total))


def _body_problem(db: apsw.Connection, packs: PackReader, row: Any) -> Problem | None:
    content, octets, digest = row
    try:
        body = open_body(db, packs, ContentId(content))
        body.check()
    except MessageNotFound:  # expunged meanwhile
        return None
    except BodyDamaged as damaged:
        return Problem(f"content {content}: {damaged}")
    if body.octets != octets or body.header.digest != digest:
        return Problem(f"content {content}: the pack holds another message at its place")
    return None


@dataclass(frozen=True, slots=True)
class PackUse:
    """How full a pack is: ``dead`` octets are those that no message holds any more."""

    number: int
    octets: int
    dead: int


def pack_use(directory: Path) -> list[PackUse]:
    """All packs on disk, those the index does not know included: they are harmless."""
    db = open_index(directory / "index.db", cache_kib=READ_CACHE_KIB)
    try:
        live = dict(rows(db, "SELECT id, live FROM pack"))
    finally:
        db.close()
    packs = directory / "packs"
    sizes = {number: pack_path(packs, number).stat().st_size for number in pack_numbers(packs)}
    return [PackUse(number, size, size - live.get(number, 0)) for number, size in sizes.items()]
