"""C09–C11, C14, C18, C23: why no path leads to an authority that is trusted here.

OpenSSL says the same of a missing link, a company's authority and a virus scanner; they are told
apart here, and each is told alone.
"""

from collections.abc import Iterator
from itertools import pairwise

from mailclad.services.diagnose.chain import Chain, pem
from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.rules import known_issuers, verify_codes
from mailclad.services.diagnose.rules.case import Case, Shown
from mailclad.services.diagnose.rules.completion import UNKNOWN_ISSUER, complete
from mailclad.services.diagnose.rules.dates import iso

UNTRUSTED = frozenset({*UNKNOWN_ISSUER, 18, 19, 28})


def self_signed(shown: Shown, _case: Case) -> Iterator[Found]:
    """C09"""
    leaf = shown.chain.leaf
    if shown.chain.self_signed and shown.faults:
        yield shown.found(
            "CERT-303", "C09", issued=iso(leaf.begins), fingerprint=_told(leaf.fingerprint)
        )


def _told(fingerprint: str) -> str:
    """As programs show it."""
    return ":".join(fingerprint[at : at + 2] for at in range(0, len(fingerprint), 2)).upper()


def intercepted(shown: Shown, _case: Case) -> Iterator[Found]:
    """C23: a known scanner's name.

    One unknown issuer at two strangers' servers would tell as much, but nobody else's server is
    looked at: a company's own authority signs for all servers of its domains.
    """
    if not shown.codes & UNTRUSTED:
        return
    issuer = shown.chain.leaf.issuer
    product = known_issuers.scanner(issuer) or known_issuers.scanner(shown.chain.top.issuer)
    if product is not None:
        yield shown.found("CERT-312", "C23", issuer=issuer.words, product=product)


def does_not_belong(shown: Shown, _case: Case) -> Iterator[Found]:
    """C14: a signature that is wrong, or another key meant than the issuer's."""
    chain = shown.chain
    if not shown.faults:
        return
    if chain.broken is not None:
        below = chain.certificates[chain.broken]
        what = (
            f"the signature of “{below.subject.words}” is not by the “{below.issuer.words}” sent"
        )
        yield shown.found("CERT-314", "C14", what=what)
        return
    path = [chain.certificates[place] for place in chain.path]
    for below, above in pairwise(path):
        if below.issuer_key_id and above.key_id and below.issuer_key_id != above.key_id:
            what = (
                f"“{below.subject.words}” names another key than that of “{above.subject.words}”"
            )
            yield shown.found("CERT-314", "C14", what=what)
            return


def missing_link(shown: Shown, case: Case) -> Iterator[Found]:
    """C11: proven, by verifying again with it; or of an authority that all know."""
    if not shown.codes & UNKNOWN_ISSUER or 19 in shown.codes:
        return
    found = complete(shown, case)
    if found.complete:
        yield shown.found(
            "CERT-304",
            "C11",
            missing=", ".join(one.subject.words for one in found.links),
            pem="".join(map(pem, found.links)),
            how="aia",
        )
    elif _lacks_everything(shown.chain):
        issuer = shown.chain.top.issuer.words
        yield shown.found("CERT-304", "C11", missing=issuer, pem="", how="bundled")


def _lacks_everything(chain: Chain) -> bool:
    """A public authority never signs servers' certificates with the root itself.  Where links
    were sent, it may be this computer that does not know the root."""
    alone = chain.top is chain.leaf and chain.broken is None
    return alone and known_issuers.is_public(chain.leaf.issuer)


def unknown_authority(shown: Shown, _case: Case) -> Iterator[Found]:
    """C10"""
    if shown.codes & UNTRUSTED:
        yield shown.found("CERT-305", "C10", issuer=shown.chain.top.issuer.words)


def by_code(shown: Shown, codes: frozenset[int]) -> Iterator[Found]:
    """What OpenSSL says and no rule has explained: never silence, never more than one."""
    known = sorted(code for code in codes if code in verify_codes.CODES)
    rules = {code: verify_codes.CODES[code][0] for code in known}
    authority = next((code for code in known if rules[code] == "C18"), None)
    if authority is not None:
        yield shown.found("CERT-318", "C18", what=verify_codes.words(authority))
        return
    for code in sorted(codes):
        rule = rules.get(code, "C10")
        entry = _ENTRIES.get(rule)
        words = f"{verify_codes.words(code)} (code {code})"
        if entry is not None:
            yield shown.found(entry, rule, what=words)
        else:
            issuer = f"{shown.chain.top.issuer.words}; {words}"
            yield shown.found("CERT-305", "C10", issuer=issuer)
        return


_ENTRIES = {
    "C14": "CERT-314",
    "C15": "CERT-311",
    "C16": "CERT-311",
    "C17": "CERT-318",
    "C19": "CERT-319",
    "C21": "CERT-323",
    "C39": "CERT-321",
}
"""Where a rule's entry tells its ``what``."""
