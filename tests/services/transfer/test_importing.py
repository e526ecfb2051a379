"""Import broken off at every step and run again: nothing is lost, nothing comes twice."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.services.transfer import importing
from mailclad.services.transfer.importing import import_mailbox, journal_path
from mailclad.services.transfer.journal import Journal
from mailclad.services.transfer.model import (
    MAX_TROUBLES_KEPT,
    Imported,
    Kind,
    Step,
    TransferRefused,
)
from mailclad.store.errors import OverQuota
from mailclad.store.model import AccountId, MailboxId, NewMessage, Stored
from tests.services.transfer.moved import imported, message, octets_of, with_store

MESSAGES = [message(number) for number in range(8)] + [message(3), message(3)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Ten messages, three of them equal, in two folders."""
    folder = tmp_path / "source"
    (folder / "Sent").mkdir(parents=True)
    for number, octets in enumerate(MESSAGES):
        (folder / f"{number}.eml").write_bytes(octets)
        (folder / "Sent" / f"{number}.eml").write_bytes(octets)
    return folder


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_MESSAGES", 3)


def check_complete(directory: Path) -> None:
    found = octets_of(directory)
    assert set(found) == {"INBOX", "Sent"}
    for rows in found.values():
        assert Counter(rows) == Counter(MESSAGES)


def test_a_second_run_brings_nothing_again(tmp_path: Path, source: Path) -> None:
    journal = tmp_path / "journal"
    first = imported(tmp_path / "store", source, Kind.EML, journal=journal)
    second = imported(tmp_path / "store", source, Kind.EML, journal=journal)

    assert (first.messages, first.known) == (20, 0)
    assert (second.messages, second.known) == (0, 20)
    check_complete(tmp_path / "store")


def test_what_is_new_in_the_source_comes_alone(tmp_path: Path, source: Path) -> None:
    journal = tmp_path / "journal"
    imported(tmp_path / "store", source, Kind.EML, journal=journal)
    (source / "0.eml").rename(source / "renamed.eml")
    (source / "new.eml").write_bytes(message(40))
    (source / "equal.eml").write_bytes(message(3))

    assert imported(tmp_path / "store", source, Kind.EML, journal=journal).messages == 2


def test_without_a_journal_everything_comes_again(tmp_path: Path, source: Path) -> None:
    for _ in range(2):
        assert imported(tmp_path / "store", source, Kind.EML).messages == 20


class Crash(BaseException):
    """The process ends here."""


class CrashingStore(SqliteStore):
    """Crashes at an append, before or after it is durable."""

    crash_at = 0
    after = False

    async def append(
        self, mailbox: MailboxId, messages: Sequence[NewMessage]
    ) -> tuple[Stored, ...]:
        type(self).crash_at -= 1
        if type(self).crash_at == 0 and not self.after:
            raise Crash
        stored = await super().append(mailbox, messages)
        if type(self).crash_at == 0:
            raise Crash
        return stored


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, 9))
def test_a_crash_at_any_append_loses_and_doubles_nothing(
    tmp_path: Path, source: Path, step: int, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "journal"
    crashing = type("Crashing", (CrashingStore,), {"crash_at": step, "after": after})
    monkeypatch.setattr("tests.engines.stores.SqliteStore", crashing)
    with pytest.raises(Crash):
        imported(tmp_path / "store", source, Kind.EML, journal=journal)
    monkeypatch.undo()
    monkeypatch.setattr(importing, "BATCH_MESSAGES", 3)

    imported(tmp_path / "store", source, Kind.EML, journal=journal)
    check_complete(tmp_path / "store")
    assert imported(tmp_path / "store", source, Kind.EML, journal=journal).messages == 0


@pytest.mark.slow
def test_a_journal_cut_anywhere_loses_and_doubles_nothing(tmp_path: Path, source: Path) -> None:
    """A power cut leaves any part of what was not yet made durable; here of the last batch."""
    journal = tmp_path / "journal"
    imported(tmp_path / "store", source, Kind.EML, journal=journal)
    whole = journal.read_bytes()
    last_begin = whole.rindex(b'{"mailbox"')
    end_of_begin = whole.index(b"\n", last_begin) + 1
    for cut in range(end_of_begin, len(whole)):
        journal.write_bytes(whole[:cut])
        assert imported(tmp_path / "store", source, Kind.EML, journal=journal).messages == 0
    check_complete(tmp_path / "store")


def test_a_crash_while_looking_is_looked_at_again(tmp_path: Path, source: Path) -> None:
    journal = tmp_path / "journal"
    imported(tmp_path / "store", source, Kind.EML, journal=journal)
    unsettle(journal)
    for _ in range(2):
        with Journal(journal) as kept:
            assert kept.unsettled is not None
    assert imported(tmp_path / "store", source, Kind.EML, journal=journal).messages == 0


def unsettle(journal: Path) -> None:
    """As if the crash had come before the last line."""
    whole = journal.read_bytes()
    journal.write_bytes(whole[: whole.rindex(b'{"stored"')])


def test_a_mailbox_that_is_gone_gets_its_batch_again(tmp_path: Path, source: Path) -> None:
    journal = tmp_path / "journal"
    imported(tmp_path / "store", source, Kind.EML, "Work", journal=journal)
    unsettle(journal)

    async def remove(store: SqliteStore, account: AccountId) -> None:
        await store.delete_mailbox(account, "Work/Sent")

    with_store(tmp_path / "store", remove)
    assert imported(tmp_path / "store", source, Kind.EML, "Work", journal=journal).messages == 1


def test_of_equal_messages_those_that_are_missing_come_again(tmp_path: Path) -> None:
    journal, folder = tmp_path / "journal", tmp_path / "source"
    folder.mkdir()
    for name in ("a.eml", "b.eml", "c.eml"):
        (folder / name).write_bytes(message(1))
    imported(tmp_path / "store", folder, Kind.EML, journal=journal)
    unsettle(journal)

    async def remove(store: SqliteStore, account: AccountId) -> None:
        await store.remove((await store.stat(account, "INBOX")).id, ((1, 2),))

    with_store(tmp_path / "store", remove)
    counts = imported(tmp_path / "store", folder, Kind.EML, journal=journal)
    assert (counts.messages, counts.known) == (2, 1)


class Limited:
    """Lets three appends through."""

    def __init__(self, append: Callable[..., Awaitable[tuple[Stored, ...]]]) -> None:
        self.append = append
        self.left = 3

    async def __call__(self, *arguments: Any) -> tuple[Stored, ...]:
        self.left -= 1
        if self.left < 0:
            raise OverQuota("full")
        return await self.append(*arguments)


def test_a_refusal_of_the_store_ends_it_and_the_rest_comes_later(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "journal"

    async def run(store: SqliteStore, account: AccountId) -> Imported:
        monkeypatch.setattr(store, "append", Limited(store.append))
        return await import_mailbox(
            store, account, source, Kind.EML, None, lambda _: None, journal=journal
        )

    with pytest.raises(OverQuota):
        with_store(tmp_path / "store", run)
    assert imported(tmp_path / "store", source, Kind.EML, journal=journal).known == 9
    check_complete(tmp_path / "store")


def test_one_import_at_a_time_has_the_journal(tmp_path: Path, source: Path) -> None:
    with Journal(tmp_path / "journal"), pytest.raises(TransferRefused, match="imported already"):
        imported(tmp_path / "store", source, Kind.EML, journal=tmp_path / "journal")


def test_a_folder_with_a_name_that_the_store_refuses_is_left_out(
    tmp_path: Path, source: Path
) -> None:
    (source / "x%07").mkdir()
    (source / "x%07" / "a.eml").write_bytes(message(1))
    counts = imported(tmp_path / "store", source, Kind.EML)

    assert (counts.messages, counts.left_out) == (20, 1)
    assert "control character" in counts.troubles[0].cause


def test_troubles_beyond_the_limit_are_counted_alone(tmp_path: Path, source: Path) -> None:
    for number in range(MAX_TROUBLES_KEPT + 1):
        (source / f"link{number}.eml").symlink_to("/dev/null")
    counts = imported(tmp_path / "store", source, Kind.EML)

    assert (counts.left_out, len(counts.troubles)) == (MAX_TROUBLES_KEPT + 1, MAX_TROUBLES_KEPT)


def test_progress_goes_up_to_the_total(tmp_path: Path, source: Path) -> None:
    steps: list[Step] = []

    async def run(store: SqliteStore, account: AccountId) -> Imported:
        return await import_mailbox(store, account, source, Kind.EML, None, steps.append)

    with_store(tmp_path / "store", run)
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1] == Step("Sent", 20, 20, 20)


def test_a_journal_is_kept_apart_for_each_import(tmp_path: Path) -> None:
    paths = {
        journal_path(tmp_path, AccountId(account), source, target)
        for account in (1, 2)
        for source in (tmp_path / "a", tmp_path / "b")
        for target in (None, "x")
    }
    assert len(paths) == 8
