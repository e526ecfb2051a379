"""Whose programs could not agree on encryption lately (HOST-814).

Comes in: what the recorder of handshakes tells of the last day.  Goes out: one finding, people of
ours first.  Scanners are no programs, and what strangers broke off for no known reason says
nothing about this server: both are left out.  Pure.
"""

from collections.abc import Iterator, Sequence

from mailclad.services.diagnose.found import Found, Level
from mailclad.services.tls_watch.told import Account, Group
from mailclad.store.tls_use import FailureKind

TOLD = 2
"""Sentences; the whole is told by ``mailclad tls failures``."""

_OF_STRANGERS = frozenset(
    {
        FailureKind.DISTRUST,
        FailureKind.LEFT,
        FailureKind.OLD_VERSIONS,
        FailureKind.NOTHING_SHARED,
    }
)
"""What may be our own fault; a wrong setting of theirs, or a bad network, is not."""


def judge_failures(account: Account) -> Iterator[Found]:
    known = [group for group in account.groups if group.who]
    strangers = [g for g in account.groups if not g.who and g.kind in _OF_STRANGERS]
    if known or strangers:
        level = Level.WATCH if known else Level.NOTE
        first, *more = [group.sentence for group in (*known, *strangers)]
        left = len(more) - len(more[: TOLD - 1])
        values = {
            "who": _who(known, strangers),
            "what": first,
            "second": " ".join(more[: TOLD - 1]),
            "more": f"And {left} more." if left else "",
        }
        yield Found("HOST-814", "doctor", level=level, values=values)


def _who(known: Sequence[Group], strangers: Sequence[Group]) -> str:
    people, others = len({group.who for group in known}), len(strangers)
    if not people:
        return f"{others} programs of strangers" if others > 1 else "a program of a stranger"
    ours = f"programs of {people} people" if people > 1 else "a program of one person"
    return f"{ours} and {others} of strangers" if strangers else ours
