"""LIST and LSUB (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 3348; RFC 3501 §6.3.9).

``\\HasChildren``, ``\\HasNoChildren`` and special uses are always told, as they cost
nothing.  Work is linear in the number of mailboxes times the number of patterns.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mailclad.protocols.imap import commands
from mailclad.protocols.imap.commands import ListReturn, ListSelect
from mailclad.protocols.imap.mailbox_pattern import MailboxPattern
from mailclad.protocols.imap.responses import ListData
from mailclad.sessions.imap.outcome import Emit, Outcome, ok
from mailclad.sessions.imap.session import Authenticated
from mailclad.sessions.imap.status import status_data
from mailclad.store.model import Mailbox, MailboxStat

_SEPARATOR = "/"
_NON_EXISTENT = "\\NonExistent"
_ROOT = ListData("", ("\\Noselect",))


@dataclass(frozen=True, slots=True)
class _Tree:
    """Every name that is there or subscribed, what is above others, and what is selected."""

    mailboxes: dict[str, Mailbox]
    subscribed: frozenset[str]
    parents: frozenset[str]

    def attributes(self, name: str, *, tell_subscribed: bool) -> tuple[str, ...]:
        mailbox = self.mailboxes.get(name)
        found = [] if mailbox else [_NON_EXISTENT]
        found.append("\\HasChildren" if name in self.parents else "\\HasNoChildren")
        if tell_subscribed and name in self.subscribed:
            found.append("\\Subscribed")
        if mailbox and mailbox.special_use:
            found.append(mailbox.special_use.value)
        return tuple(found)

    def meets(self, name: str, select: frozenset[ListSelect]) -> bool:
        mailbox = self.mailboxes.get(name)
        if ListSelect.SPECIAL_USE in select and not (mailbox and mailbox.special_use):
            return False
        if ListSelect.SUBSCRIBED in select:
            return name in self.subscribed
        return mailbox is not None


async def list_mailboxes(session: Authenticated, command: commands.List, emit: Emit) -> Outcome:
    if command.patterns == ("",) and not command.extended:
        await emit(_ROOT)
        return ok("LIST completed")
    tree = await _tree(session)
    names = _matching(tree, command.reference, command.patterns)
    selected = frozenset(name for name in _every(tree) if tree.meets(name, command.select))
    tell_subscribed = bool(
        ListSelect.SUBSCRIBED in command.select or ListReturn.SUBSCRIBED in command.returns
    )
    listed = list(_listed(tree, names, selected, command, tell_subscribed=tell_subscribed))
    stats = {stat.name: stat for stat in await _stats(session, command, listed)}
    for data in listed:
        await emit(data)
        if data.mailbox in stats:
            await emit(status_data(stats[data.mailbox], command.status))
    return ok("LIST completed")


def _listed(
    tree: _Tree,
    names: Sequence[str],
    selected: frozenset[str],
    command: commands.List,
    *,
    tell_subscribed: bool,
) -> Iterator[ListData]:
    recursive = ListSelect.RECURSIVEMATCH in command.select
    above = _parents(selected) if recursive else frozenset()
    options = tuple(
        option.value
        for option in (ListSelect.SUBSCRIBED, ListSelect.SPECIAL_USE)
        if option in command.select
    )
    for name in names:
        if name in selected or name in above:
            attributes = tree.attributes(name, tell_subscribed=tell_subscribed)
            child_info = options if name in above else ()
            yield ListData(name, attributes, child_info=child_info)


async def _stats(
    session: Authenticated, command: commands.List, listed: Sequence[ListData]
) -> list[MailboxStat]:
    there = [data.mailbox for data in listed if _NON_EXISTENT not in data.attributes]
    if not command.status or not there:
        return []
    if len(there) == 1:
        return [await session.store.stat(session.account, there[0])]
    return await session.store.stats(session.account)


async def lsub(session: Authenticated, command: commands.Lsub, emit: Emit) -> Outcome:
    """Names above a subscribed one are told as ``\\Noselect`` for ``%`` (RFC 3501 §6.3.9)."""
    names = await session.store.subscriptions(session.account)
    pattern = MailboxPattern(command.reference, command.pattern)
    subscribed = frozenset(names)
    found = frozenset(name for name in subscribed if pattern.matches(name))
    if "%" in command.pattern:
        missed = subscribed - found
        found |= frozenset(name for name in _parents(missed) if pattern.matches(name))
    for name in _in_order(found):
        attributes = () if name in subscribed else ("\\Noselect",)
        await emit(ListData(name, attributes, lsub=True))
    return ok("LSUB completed")


async def _tree(session: Authenticated) -> _Tree:
    mailboxes = {box.name: box for box in await session.store.mailboxes(session.account)}
    subscribed = frozenset(await session.store.subscriptions(session.account))
    return _Tree(mailboxes, subscribed, _parents(mailboxes))


def _every(tree: _Tree) -> set[str]:
    return {*tree.subscribed, *tree.mailboxes}


def _matching(tree: _Tree, reference: str, patterns: Iterable[str]) -> list[str]:
    matchers = [MailboxPattern(reference, pattern) for pattern in patterns if pattern]
    every = _every(tree)
    names = every.union(_parents(every))
    return _in_order(name for name in names if any(one.matches(name) for one in matchers))


def _in_order(names: Iterable[str]) -> list[str]:
    """INBOX first, then by name."""
    return sorted(names, key=lambda name: (name != "INBOX", name))


def _parents(names: Iterable[str]) -> frozenset[str]:
    """The names above these, at every level."""
    found: set[str] = set()
    for name in names:
        above = name.rpartition(_SEPARATOR)[0]
        while above and above not in found:
            found.add(above)
            above = above.rpartition(_SEPARATOR)[0]
    return frozenset(found)
