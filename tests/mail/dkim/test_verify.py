"""Signatures judged (RFC 6376 §6, RFC 8601 §2.7.1), and what strangers may try."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.resolver import DnsProblem
from mailclad.mail.dkim.canonical import digest_body
from mailclad.mail.dkim.message import SignedMessage
from mailclad.mail.dkim.outcome import DkimResult, Outcome
from mailclad.mail.dkim.signing_key import public_record
from mailclad.mail.dkim.verify import DRIFT_SECONDS, MAX_SIGNATURES, verify_dkim
from mailclad.mail.headers import MAX_FIELDS
from tests.mail.dkim.fake import (
    DNS,
    ED25519,
    MESSAGE,
    NOW,
    RSA,
    FakeResolver,
    key,
    run,
    signed,
    verify,
)

NAME = "ed25519._domainkey.example.org"
RECORD = public_record(ED25519).encode()


def custom(message: bytes, names: str = "from:subject", **tags: str) -> bytes:
    """Signed by hand with other tags, simple/simple unless ``c`` says otherwise."""
    relaxed_header, _, relaxed_body = tags.get("c", "simple/simple").partition("/")
    read = SignedMessage(message)
    length = int(tags["l"]) if "l" in tags else None
    form = (relaxed_body == "relaxed", length)
    digest = digest_body(message, read.body_start, {form})[form[0]].digests[length]
    all_tags = {
        "v": "1", "a": "ed25519-sha256", "d": "example.org", "s": "ed25519", "h": names,
        "bh": base64.b64encode(digest).decode(), **tags,
    }  # fmt: skip
    value = " " + "; ".join(f"{name}={value}" for name, value in all_tags.items()) + "; b="
    relaxed = relaxed_header == "relaxed"
    own = SignedMessage(f"DKIM-Signature:{value}\r\n".encode()).canonical_signature(0, relaxed)
    covered = read.canonical_fields(names.encode().split(b":"), relaxed) + own
    b = base64.b64encode(ED25519.sign(hashlib.sha256(covered).digest())).decode()
    return f"DKIM-Signature:{value}{b}\r\n".encode() + message


def outcome(message: bytes, dns: FakeResolver = DNS, now: int = NOW) -> tuple[Outcome, str]:
    result = verify(message, dns, now)
    return result.outcome, result.problem


def test_a_message_without_signature() -> None:
    assert verify(MESSAGE).outcome is Outcome.NONE
    assert verify(b"").outcome is Outcome.NONE


def test_a_signature_that_holds() -> None:
    assert verify(signed()) == DkimResult(
        Outcome.PASS, "", "example.org", "ed25519", "@example.org", "ed25519-sha256", 256,
        signature=verify(signed()).signature,
    )  # fmt: skip
    assert len(verify(signed()).signature) == 12


def test_a_changed_body_costs_no_question() -> None:
    dns = FakeResolver({})
    assert verify(signed() + b"more", dns).problem == "the body was changed after it was signed"
    assert dns.asked == []


def test_blanks_and_folds_may_change_where_relaxed() -> None:
    relaxed = custom(MESSAGE, c="relaxed/relaxed")
    moved = relaxed.replace(b"Subject:  What", b"SUBJECT:What").replace(b"Dear  Bob", b"Dear\tBob")
    assert verify(moved).outcome is Outcome.PASS
    simple = custom(MESSAGE)
    assert verify(simple).outcome is Outcome.PASS
    assert verify(simple.replace(b"Subject: ", b"SUBJECT: ")).outcome is Outcome.FAIL


@pytest.mark.rfc("6376", "8.2")
def test_a_length_is_reported_when_more_follows() -> None:
    message = custom(MESSAGE, l="5")
    assert verify(message).outcome is Outcome.PASS
    assert not verify(message).whole
    assert verify(message + b"more").outcome is Outcome.PASS
    assert not verify(custom(MESSAGE, l="0")).whole
    octets = str(len(MESSAGE.partition(b"\r\n\r\n")[2]) - 4)
    assert verify(custom(MESSAGE, l=octets)).whole


def test_a_length_beyond_the_body() -> None:
    message = custom(MESSAGE, l="5").replace(b"l=5;", b"l=" + b"9" * 76 + b";")
    assert "shorter" in verify(message).problem


def test_an_expired_signature() -> None:
    message = custom(MESSAGE, t=str(NOW - 10), x=str(NOW))
    assert outcome(message, now=NOW + DRIFT_SECONDS)[0] is Outcome.PASS
    assert outcome(message, now=NOW + DRIFT_SECONDS + 1) == (
        Outcome.POLICY, "the signature has expired (x=)",
    )  # fmt: skip


def test_dns_decides() -> None:
    message = signed()
    assert outcome(message, FakeResolver({}))[0] is Outcome.PERMERROR
    assert outcome(message, FakeResolver({NAME: DnsProblem()}))[0] is Outcome.TEMPERROR
    assert outcome(message, FakeResolver({NAME: [b"p="]}))[0] is Outcome.PERMERROR
    other = public_record(key(ED25519.kind, "example.com")).encode()
    assert outcome(message, FakeResolver({NAME: [other]}))[0] is Outcome.FAIL
    assert outcome(message, FakeResolver({NAME: [other, RECORD]}))[0] is Outcome.PASS


def test_flags_of_the_key() -> None:
    testing = FakeResolver({NAME: [RECORD + b"; t=y"]})
    assert verify(signed(), testing).testing
    strict = FakeResolver({NAME: [RECORD + b"; t=s"]})
    assert verify(custom(MESSAGE, i="a@example.org"), strict).outcome is Outcome.PASS
    below = custom(MESSAGE, i="a@sub.example.org")
    assert verify(below).identity == "a@sub.example.org"
    assert outcome(below, strict)[0] is Outcome.PERMERROR


@pytest.mark.rfc("8301", "3.2")
def test_a_short_key_does_not_count() -> None:
    modulus = RSAPublicNumbers(65537, (1 << 1023) - 1).public_key()
    octets = modulus.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    dns = FakeResolver({"rsa._domainkey.example.org": [b"p=" + base64.b64encode(octets)]})
    assert outcome(signed(by=RSA), dns)[0] is Outcome.POLICY


@pytest.mark.rfc("6376", "8.15")
@pytest.mark.parametrize("added", [b"From: Mallory <m@example.com>\r\n", b"FROM :m\r\n"])
def test_a_second_from_is_not_covered(added: bytes) -> None:
    message = custom(MESSAGE)
    result = verify(added + message)

    assert result.outcome is Outcome.POLICY
    assert result.added == ("from",)
    assert verify(b"Subject: other\r\n" + message).added == ("subject",)
    assert verify(b"Subject: other\r\n" + message).outcome is Outcome.PASS
    assert verify(custom(added + MESSAGE, "from:from")).outcome is Outcome.PASS


def test_a_signature_does_not_cover_itself() -> None:
    message = custom(MESSAGE, "from:dkim-signature:dkim-signature")
    assert verify(message).outcome is Outcome.PASS
    results = run(verify_dkim(signed(by=RSA)[: -len(MESSAGE)] + message, DNS, NOW))
    assert results[1].outcome is Outcome.FAIL


def test_a_field_hidden_by_folding_is_not_a_field() -> None:
    # One reader's continuation must not be another's field: both see the same lines here.
    message = signed().replace(b"Subject:  What", b"Subject:  What\r\n From: m@example.com")
    assert verify(message).outcome is Outcome.FAIL
    assert verify(message).added == ()


def test_more_signatures_than_are_judged() -> None:
    dns = FakeResolver({})
    field = signed()[: -len(MESSAGE)]
    results = run(verify_dkim(field * 1000 + MESSAGE, dns, NOW))
    assert len(results) == MAX_SIGNATURES + 1
    assert results[-1].problem == "990 more signatures were not looked at"
    assert dns.asked == [NAME]


def test_questions_are_as_few_as_signatures() -> None:
    fields = b"".join(
        custom(MESSAGE, s=f"s{number}")[: -len(MESSAGE)] for number in range(MAX_SIGNATURES + 5)
    )
    dns = FakeResolver({})
    run(verify_dkim(fields + MESSAGE, dns, NOW))
    assert len(dns.asked) == MAX_SIGNATURES


def test_a_header_beyond_the_limits_is_not_judged() -> None:
    assert outcome(b"X:\r\n" * MAX_FIELDS + signed()) == (
        Outcome.POLICY, "the header is longer than is looked at",
    )  # fmt: skip


def test_a_huge_list_of_fields_is_walked_once() -> None:
    header = b"X: y\r\n" * 5000
    names = "from:" + ":".join(["x"] * 15_000)
    message = custom(header + MESSAGE, names, c="relaxed/relaxed")
    assert verify(message).outcome is Outcome.PASS


def test_what_cannot_be_read_still_names_its_domain() -> None:
    result = verify(signed().replace(b"v=1", b"v=3"))
    assert result.outcome is Outcome.NEUTRAL
    assert result.domain == "example.org"
    assert result.signature == verify(signed()).signature


def test_text_for_reports_has_no_line_ends() -> None:
    message = custom(MESSAGE, i='"a\r\n b"@example.org')
    assert verify(message).identity == '"ab"@example.org'


@given(st.data())
def test_nothing_spoiled_passes_or_raises(data: st.DataObject) -> None:
    message = signed()
    place = data.draw(st.integers(0, len(message) - 1))
    cut = data.draw(st.integers(0, 3))
    put = data.draw(
        st.sampled_from(
            [b"", b"\0", b"\xff", b";", b"=", b":", b"\r\n", b"\n", b"\r", b"From: x\r\n"]
        )
    )
    results = run(verify_dkim(message[:place] + put + message[place + cut :], DNS, NOW))
    for result in results:
        texts = (
            f"{result.problem}{result.domain}{result.selector}{result.identity}{result.signature}"
        )
        assert texts.isprintable()


@given(st.binary(max_size=300))
def test_any_octets_are_judged(octets: bytes) -> None:
    for message in (
        octets,
        b"DKIM-Signature: " + octets,
        b"From: a\r\nDKIM-Signature: v=1;" + octets,
    ):
        assert run(verify_dkim(message, DNS, NOW))
