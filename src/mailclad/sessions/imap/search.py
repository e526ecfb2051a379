"""SEARCH and UID SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4, RFC 4731, RFC 5182).

The search itself is the store's; only messages the client knows of are told, by sequence
number or UID, as a list (IMAP4rev1) or as ESEARCH.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence

from mailclad.protocols.imap import commands
from mailclad.protocols.imap.commands import SearchReturn
from mailclad.protocols.imap.responses import ESearchData, SearchData
from mailclad.protocols.imap.sequence_set import Runs
from mailclad.sessions.imap.numbers import load
from mailclad.sessions.imap.outcome import Emit, Outcome, ok
from mailclad.sessions.imap.query import numbers_in, query_of
from mailclad.sessions.imap.session import Selected
from mailclad.store.model import UidSet

_TOLD = frozenset(SearchReturn) - {SearchReturn.SAVE}


async def search(session: Selected, command: commands.Search, emit: Emit) -> Outcome:
    view = session.view
    used = numbers_in(command.key)
    if any(view.resolving_takes_uids(one.numbers, by_uid=one.by_uid) for one in used):
        await load(session)
    keywords = await session.store.keywords(session.account)
    query = query_of(command.key, view, keywords)
    returns = command.returns
    saving = returns is not None and SearchReturn.SAVE in returns
    if saving:
        view.saved = ()  # what a refused search saves (RFC 9051 §6.4.4.1)
    uids = await session.store.search(view.mailbox, query)
    if uids and uids[-1] >= view.uid_next:
        uids = uids[: bisect_left(uids, view.uid_next)]
    if returns is not None and saving:
        view.saved = _saved(uids, returns)
    numbers: Sequence[int] = uids
    if uids and not command.by_uid:
        await load(session)
        numbers = view.numbers(uids)
    if returns is None:
        await emit(SearchData(numbers))
    elif returns & _TOLD:
        await emit(_told(command, returns, numbers))
    return ok("SEARCH completed")


def _told(
    command: commands.Search, returns: frozenset[SearchReturn], numbers: Sequence[int]
) -> ESearchData:
    return ESearchData(
        command.tag,
        command.by_uid,
        least=numbers[0] if numbers and SearchReturn.MIN in returns else None,
        largest=numbers[-1] if numbers and SearchReturn.MAX in returns else None,
        all=_runs(numbers) if SearchReturn.ALL in returns else None,
        count=len(numbers) if SearchReturn.COUNT in returns else None,
    )


def _saved(uids: "array[int]", returns: frozenset[SearchReturn]) -> UidSet:
    """MIN and MAX alone save only these messages (RFC 9051 §6.4.4.4)."""
    if returns & {SearchReturn.ALL, SearchReturn.COUNT} or not returns & _TOLD or not uids:
        return _runs(uids)
    found = set()
    if SearchReturn.MIN in returns:
        found.add(uids[0])
    if SearchReturn.MAX in returns:
        found.add(uids[-1])
    return _runs(sorted(found))


def _runs(ascending: Sequence[int]) -> Runs:
    """The shortest runs; whole ranges at once where numbers are neighbours."""
    if ascending and ascending[-1] - ascending[0] + 1 == len(ascending):
        return ((ascending[0], ascending[-1]),)
    runs: list[tuple[int, int]] = []
    first = last = -1
    for number in ascending:
        if number != last + 1:
            if last > 0:
                runs.append((first, last))
            first = number
        last = number
    if last > 0:
        runs.append((first, last))
    return tuple(runs)
