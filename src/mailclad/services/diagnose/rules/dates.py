"""C01–C06: certificates and links that have ended, end soon or begin later; our clock.

The true time is what witnesses say where our own clock is wrong.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from mailclad.services.diagnose.chain import Certificate
from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.rules.case import Case, Shown

LEFT_PART = 0.3
"""Renewal is due at a third; a day's work of a renewal that runs daily is still in time."""
LEFT_AT_MOST = timedelta(days=30)
"""Certificates of a year are renewed by hand, and a month before is early enough."""


def iso(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment is not None else ""


def _ended(one: Certificate, now: datetime) -> bool:
    return one.ends is not None and one.ends < now


def _begins_later(one: Certificate, now: datetime) -> bool:
    return one.begins is not None and one.begins > now


def wrong_clock(shown: Shown, _case: Case) -> Iterator[Found]:
    """C05: by our clock its time is not now; by everybody else's it is."""
    leaf = shown.chain.leaf
    by_ours = _ended(leaf, shown.here) or _begins_later(leaf, shown.here)
    by_theirs = _ended(leaf, shown.now) or _begins_later(leaf, shown.now)
    if by_ours and not by_theirs:
        yield shown.found("CERT-306", "C05", begins=iso(leaf.begins), clock=iso(shown.here))


def expired(shown: Shown, _case: Case) -> Iterator[Found]:
    """C01"""
    leaf = shown.chain.leaf
    if _ended(leaf, shown.now):
        yield shown.found("CERT-301", "C01", ended=iso(leaf.ends), names=leaf.names_shown)


def not_yet_valid(shown: Shown, _case: Case) -> Iterator[Found]:
    """C05b"""
    for one in (shown.chain.leaf, *shown.chain.links):
        if _begins_later(one, shown.now):
            yield shown.found("CERT-306", "C05b", begins=iso(one.begins), clock=iso(shown.here))
            return


def expired_link(shown: Shown, _case: Case) -> Iterator[Found]:
    """C02: no path leads round it"""
    if any(fault.code == 10 and fault.depth > 0 for fault in shown.faults):
        yield from _ended_link(shown, "C02", "all")


def expired_link_of_old_programs(shown: Shown, _case: Case) -> Iterator[Found]:
    """C03: they know no other path"""
    yield from _ended_link(shown, "C03", "old")


def _ended_link(shown: Shown, rule: str, breaks: str) -> Iterator[Found]:
    for link in shown.chain.links:
        if _ended(link, shown.now):
            told = {"link": link.subject.words, "ended": iso(link.ends), "breaks": breaks}
            yield shown.found("CERT-317", rule, **told)
            return


def ends_soon(shown: Shown, _case: Case) -> Iterator[Found]:
    """C04"""
    leaf = shown.chain.leaf
    if leaf.ends is None or not leaf.life:
        return
    left = leaf.ends - shown.now
    if left < min(leaf.life * LEFT_PART, LEFT_AT_MOST):
        percent = str(int(100 * left / leaf.life))
        yield shown.found("CERT-307", "C04", ends=iso(leaf.ends), left_percent=percent)


def clock_skew(case: Case) -> Iterator[Found]:
    """C06"""
    if case.offset:
        yield Found("HOST-804", "C06", values={"offset": _told(case.offset)})


def _told(offset: timedelta) -> str:
    seconds = int(abs(offset).total_seconds())
    amount = next(
        f"{seconds // size} {word}{'s' * (seconds // size != 1)}"
        for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute"))
        if seconds >= size
    )
    return f"{amount} {'behind' if offset > timedelta(0) else 'ahead'}"
