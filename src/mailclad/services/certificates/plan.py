"""When a certificate is ordered, and how alarming its age is: pure functions of what is kept.

RFC 9773 §4.2 (a random moment of the authority's window; past means now), else two thirds of the
lifetime; never "so many days before": lifetimes are shrinking from 200 days to 6.  Comes in: rows
of the store, the wanted names, the time.  Goes out: a moment with its reason.  "Random" moments
are drawn from the certificate's own fingerprint: every process and every look comes to the same.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import takewhile

from mailclad.store.certificates import CertificateState, KeptCertificate
from mailclad.store.renewals import Attempt, KeptWindow

RENEW_AT = 2 / 3
JITTER = 1 / 50
"""Of the lifetime, behind two thirds: not all certificates of an authority on one day."""

LATEST = 0.90
"""Of the lifetime: no window of an authority's is waited for longer."""

FIRST_RETRY_SECONDS = 60
LONGEST_RETRY_SECONDS = 24 * 3600
"""Between attempts that fail: one minute, then twice as long each time, up to a day."""

FIRST_PROOF_RETRY_SECONDS = 20 * 60
"""In the place of the minute where names could not be proved: authorities allow five failures for
a name in an hour, and one attempt may try three kinds of proof."""

FIRST_UNFINISHED_RETRY_SECONDS = 3600
"""In its place where an attempt never ended: the certificate may have been given and lost."""

REFUSED_SECONDS = 24 * 3600
"""For each in a row that could not be used: authorities give the same certificate five times a
week, and the fault is here."""

LEAST_AGE = 1 / 20
LONGEST_LEAST_AGE_SECONDS = 4 * 24 * 3600
"""Of its lifetime, before a certificate is renewed: where a window has passed already or the clock
is ahead, the next one would be due at once too, and the next."""

LONGEST_PUT_OFF_SECONDS = 8 * 24 * 3600
"""What an authority may ask for: limits are counted by the week."""

NAME_RETRY_SECONDS = 24 * 3600
"""A name that could not be proved is tried again daily; authorities count failures by the hour."""

GATHER_SECONDS = 3600
"""New names wait so long behind an order: who adds twenty domains gets one certificate, not
twenty, of which authorities give 50 a week."""

NO_END = "it was begun, and no end of it is known"

WATCH_AT = 0.80
PROBLEM_AT = 0.95
"""Of the lifetime: renewal is due at two thirds, so at 80 % it has been failing for long."""


class Alarm(StrEnum):
    OK = "ok"
    WATCH = "watch"
    PROBLEM = "problem"
    ENDED = "ended"
    EARLY = "early"
    """It begins later, by this computer's clock."""


@dataclass(frozen=True, slots=True)
class Due:
    """``why`` completes "the next order is on …: ".

    ``gains``: names for whose sake alone it is made; without any of them it is worth nothing.
    """

    at: int
    why: str
    gains: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Kept:
    """All that is known of one place (a series and kind of key), of attempts the newest first.

    ``current`` is the one that is served, or staged to be; ``refused`` those that came after it
    and could not be proven.
    """

    current: KeptCertificate | None = None
    window: KeptWindow | None = None
    refused: Sequence[KeptCertificate] = ()
    attempts: Sequence[Attempt] = ()


def kept_of(
    series: int,
    kind: str,
    certificates: Iterable[KeptCertificate],
    windows: Iterable[KeptWindow],
    attempts: Iterable[Attempt],
) -> Kept:
    """What is known of this place; ``certificates`` and ``attempts`` the newest first."""
    here = [one for one in certificates if (one.series, one.kind) == (series, kind)]
    used = (CertificateState.STAGED, CertificateState.LIVE)
    current = next((one for one in here if one.state in used), None)
    refused = takewhile(lambda one: one.state is CertificateState.REFUSED, here)
    return Kept(
        current=current,
        window=next((one for one in windows if current and one.certificate == current.id), None),
        refused=tuple(refused),
        attempts=[one for one in attempts if (one.series, one.kind) == (series, kind)],
    )


def due(kept: Kept, wanted: Collection[str], now: int) -> Due:
    """When the next order is to be made; ``at`` may have passed."""
    # What was noted by a clock that was ahead counts when its time has come.
    kept = replace(
        kept,
        attempts=[one for one in kept.attempts if one.at <= now],
        refused=[one for one in kept.refused if one.made_at <= now],
    )
    wish = _wish(kept, wanted, now)
    earliest = _not_before(kept)
    return wish if wish.at >= earliest.at else replace(earliest, gains=wish.gains)


def _wish(kept: Kept, wanted: Collection[str], now: int) -> Due:
    if kept.current is None:
        return Due(0, "there is no certificate yet")
    renewal = _grown_up(kept, renewal_due(kept.current, kept.window))
    missing = missing_names(kept, wanted, now)
    if renewal.at <= now or not missing:
        return renewal
    last = kept.attempts[0].at if kept.attempts else 0
    why = f"it is to have {', '.join(sorted(missing))} as well"
    growth = Due(last + GATHER_SECONDS, why, missing)
    return min(renewal, growth, key=lambda one: one.at)


def renewal_due(current: KeptCertificate, window: KeptWindow | None) -> Due:
    """By the authority's window, else at two thirds of the lifetime."""
    chance, life = _chance(current), current.not_after - current.not_before
    if window is not None and (window.starts or 0) < (window.ends or 0):
        starts, ends = window.starts or 0, window.ends or 0
        told = f": {window.explanation}" if window.explanation else ""
        at = starts + int(chance * (ends - starts))
        latest = current.not_before + int(life * LATEST)
        return Due(min(at, latest), f"its authority asks for it then{told}")
    at = current.not_before + int(life * (RENEW_AT + chance * JITTER))
    return Due(at, "two thirds of its life are over then")


def _grown_up(kept: Kept, renewal: Due) -> Due:
    """Not at once after the order that it came from; what was brought has none."""
    current = kept.current
    if current is None or not any(
        one.issued and one.at == current.made_at for one in kept.attempts
    ):
        return renewal
    least = min(
        int((current.not_after - current.not_before) * LEAST_AGE), LONGEST_LEAST_AGE_SECONDS
    )
    return replace(renewal, at=max(renewal.at, current.made_at + least))


def missing_names(kept: Kept, wanted: Collection[str], now: int) -> frozenset[str]:
    """Wanted names that the certificate has not, without those that failed within a day."""
    if kept.current is None:
        return frozenset(wanted)
    return frozenset(wanted) - frozenset(kept.current.names) - failed_lately(kept.attempts, now)


def failed_lately(attempts: Iterable[Attempt], now: int) -> frozenset[str]:
    """Names that could not be proved within the last day, and were not since."""
    failed: dict[str, bool] = {}
    for attempt in attempts:
        if attempt.at <= now - NAME_RETRY_SECONDS:
            break
        for name in attempt.failed:
            failed.setdefault(name, True)
        if attempt.issued:
            for name in attempt.names:
                failed.setdefault(name, False)
    return frozenset(name for name, is_so in failed.items() if is_so)


def _not_before(kept: Kept) -> Due:
    """What has to be waited for: the longest of all."""
    return max(_after_refusals(kept), _after_failures(kept), key=lambda one: one.at)


def _after_refusals(kept: Kept) -> Due:
    if not kept.refused:
        return Due(0, "")
    last = kept.refused[0]
    wait = min(len(kept.refused) * REFUSED_SECONDS, LONGEST_PUT_OFF_SECONDS)
    return Due(last.made_at + wait, f"the last one could not be used: {last.note}")


def _after_failures(kept: Kept) -> Due:
    """By what the authority said, and longer with each in a row."""
    failed = [one for one in takewhile(lambda one: not one.issued, kept.attempts) if _counts(one)]
    if not failed:
        return Due(0, "")
    last, failures = failed[0], len(failed)
    wait = min(_first_retry(last) << min(failures - 1, 20), LONGEST_RETRY_SECONDS)
    if last.not_before > last.at + wait:
        at = min(last.not_before, last.at + LONGEST_PUT_OFF_SECONDS)
        return Due(at, f"the authority allows it then: {last.told}")
    return Due(last.at + wait, f"the last attempt failed: {last.told or NO_END}")


def _first_retry(last: Attempt) -> int:
    if last.failed:
        return FIRST_PROOF_RETRY_SECONDS
    return FIRST_RETRY_SECONDS if last.told else FIRST_UNFINISHED_RETRY_SECONDS


def _counts(attempt: Attempt) -> bool:
    """Names that fail beside the first are left out the next time: that puts nothing off."""
    return not attempt.failed or attempt.names[0] in attempt.failed


def life_left(not_before: int, not_after: int, now: int) -> float:
    """From 1 (new) to 0 (ended)."""
    life = max(not_after - not_before, 1)
    return min(max((not_after - now) / life, 0.0), 1.0)


def alarm(not_before: int, not_after: int, now: int) -> Alarm:
    if now < not_before:
        return Alarm.EARLY
    if now >= not_after:
        return Alarm.ENDED
    used = 1 - life_left(not_before, not_after, now)
    if used >= PROBLEM_AT:
        return Alarm.PROBLEM
    return Alarm.WATCH if used >= WATCH_AT else Alarm.OK


def _chance(certificate: KeptCertificate) -> float:
    """From 0 to below 1, the same whenever it is drawn."""
    digest = hashlib.sha256(certificate.chain_pem).digest()
    return int.from_bytes(digest[:6]) / (1 << 48)
