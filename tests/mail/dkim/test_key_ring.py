"""Keys fetched for one message (RFC 6376 §6.1.2)."""

import pytest

from mailclad.base.resolver import DnsBogus, DnsProblem
from mailclad.mail.dkim.key_ring import MAX_RECORDS, KeyRing
from mailclad.mail.dkim.outcome import Outcome, Unusable
from mailclad.mail.dkim.record import Key
from mailclad.mail.dkim.signature import Signer
from mailclad.mail.dkim.signing_key import public_record
from tests.mail.dkim.fake import ED25519, RSA, FakeResolver, run

NAME = "s._domainkey.example.org"
GOOD = public_record(RSA).encode()
OTHER = public_record(ED25519).encode()


def signer(selector: str = "s") -> Signer:
    return Signer("example.org", selector, "rsa", b"")


def find(*records: bytes) -> list[Key]:
    return run(KeyRing(FakeResolver({NAME: records}), b"email", 1).find(signer()))


def problem_with(answer: list[bytes] | DnsProblem | None) -> tuple[Outcome, str]:
    records = {} if answer is None else {NAME: answer}
    with pytest.raises(Unusable) as caught:
        run(KeyRing(FakeResolver(records), b"email", 1).find(signer()))
    return caught.value.outcome, caught.value.problem


def test_other_records_at_the_name_are_passed_over() -> None:
    assert [key.kind for key in find(b"v=spf1 -all", OTHER, b"p=", GOOD)] == ["rsa"]


def test_what_can_be_wrong() -> None:
    assert problem_with(None) == (Outcome.PERMERROR, f"there is no key at {NAME}")
    assert problem_with([]) == (Outcome.PERMERROR, f"there is no key at {NAME}")
    assert problem_with([b"v=spf1 -all"]) == (Outcome.PERMERROR, f"there is no key at {NAME}")
    assert problem_with([b"p="])[1] == "the key was revoked by its domain"
    assert "not of the signature's kind" in problem_with([OTHER])[1]
    assert problem_with(DnsProblem())[0] is Outcome.TEMPERROR
    assert "forged" in problem_with(DnsBogus())[1]


def test_few_of_many_records_are_tried() -> None:
    assert len(find(*[GOOD] * 100)) == MAX_RECORDS


def test_a_name_is_asked_for_once() -> None:
    dns = FakeResolver({NAME: [GOOD]})
    ring = KeyRing(dns, b"email", 2)
    for selector in ("s", "gone", "s", "gone"):
        if selector == "s":
            run(ring.find(signer(selector)))
        else:
            with pytest.raises(Unusable):
                run(ring.find(signer(selector)))
    assert dns.asked == [NAME, "gone._domainkey.example.org"]


def test_questions_have_a_limit() -> None:
    dns = FakeResolver({})
    ring = KeyRing(dns, b"email", 2)
    outcomes = []
    for number in range(4):
        with pytest.raises(Unusable) as caught:
            run(ring.find(signer(str(number))))
        outcomes.append(caught.value.outcome)
    assert outcomes == [Outcome.PERMERROR] * 2 + [Outcome.POLICY] * 2
    assert len(dns.asked) == 2
