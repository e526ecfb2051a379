"""C12, C13, C19, C38, C39: chains that work, but untidily, not everywhere, or against rules."""

from collections.abc import Iterator
from datetime import UTC, datetime

from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.rules import known_issuers, verify_codes
from mailclad.services.diagnose.rules.case import Case, Shown

_SHOWN_SURPLUS = 5


def wrong_order(shown: Shown, _case: Case) -> Iterator[Found]:
    """C12: roots between links count too, if they push a link behind its place."""
    places = shown.chain.path
    between = any(
        place not in places and shown.chain.certificates[place].is_self_issued
        for place in range(max(places))
    )
    if not shown.chain.is_ordered or between:
        yield shown.found("CERT-316", "C12", what="reversed")


def surplus(shown: Shown, _case: Case) -> Iterator[Found]:
    """C13"""
    found = shown.chain.surplus
    if found:
        names = ", ".join(one.subject.words for one in found[:_SHOWN_SURPLUS])
        several = f"{len(found)} certificates that are not needed"
        what = "a certificate that is not needed" if len(found) == 1 else several
        yield shown.found("CERT-316", "C13", what=f"{what}: {names}")


def strict_only(shown: Shown, _case: Case) -> Iterator[Found]:
    """C19: by OpenSSL's strict flags, and by reading, where nobody tried them."""
    codes = {fault.code for fault in shown.strict_faults if fault.code not in shown.codes}
    leaf = shown.chain.leaf
    if leaf.issuer_key_id is None and not leaf.is_self_issued and not leaf.problem:
        codes.add(85)
    if not leaf.subject.common_name and leaf.names.dns and not leaf.names_critical:
        codes |= {88} if _is_empty(leaf.subject.der) else set()
    if codes:
        what = ", ".join(verify_codes.words(code) for code in sorted(codes))
        yield shown.found("CERT-319", "C19", what=what)


def _is_empty(name: bytes) -> bool:
    return name == b"\x30\x00"


_LONGEST_LIVES = (
    (datetime(2029, 3, 15, tzinfo=UTC), 47),
    (datetime(2027, 3, 15, tzinfo=UTC), 100),
    (datetime(2026, 3, 15, tzinfo=UTC), 200),
    (datetime(2020, 9, 1, tzinfo=UTC), 398),
    (datetime(2018, 3, 1, tzinfo=UTC), 825),
)
"""In days, for certificates of public authorities that begin then or later (CA/Browser Forum)."""


def too_long_a_life(shown: Shown, _case: Case) -> Iterator[Found]:
    """C38"""
    leaf = shown.chain.leaf
    if leaf.begins is None or not known_issuers.is_public(leaf.issuer):
        return
    limit = next((days for since, days in _LONGEST_LIVES if leaf.begins >= since), None)
    if limit is not None and leaf.life.days > limit:
        what = f"it lives {leaf.life.days} days, and {limit} are allowed"
        yield shown.found("CERT-321", "C38", what=what)


def in_no_log(shown: Shown, _case: Case) -> Iterator[Found]:
    """C39"""
    leaf = shown.chain.leaf
    if known_issuers.is_public(leaf.issuer) and not leaf.timestamps:
        what = (
            "it carries no proof (SCT) that a public log has it, so Apple's devices may refuse it"
        )
        yield shown.found("CERT-321", "C39", what=what)
