"""Hostile and odd chains: facts, never exceptions."""

from dataclasses import fields
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailclad.services.diagnose import chain as chains
from mailclad.services.diagnose.chain import Link, link, read_certificate, read_chain
from mailclad.services.diagnose.evidence import CA_OCTETS, Answers
from mailclad.services.diagnose.facts import HandshakeSeen, Way
from mailclad.services.diagnose.judge import judge, questions
from mailclad.services.diagnose.rules.completion import parse_certificates
from mailclad.testing.zoo.forge import Order, authority, make, new_key
from tests.services.diagnose.seen import (
    NOW,
    ask_and_judge,
    evidence,
    host,
    port,
    zoo,
    zoo_verifiers,
)

NAMES = sorted(zoo().certificates)


@st.composite
def mangled(draw: st.DrawFn) -> tuple[bytes, ...]:
    """Certificates of the zoo, changed in some octets, mixed and cut."""
    chain = []
    for _ in range(draw(st.integers(1, 4))):
        sent = zoo().certificates[draw(st.sampled_from(NAMES))].chain
        der = bytearray(draw(st.sampled_from(sent)))
        for _ in range(draw(st.integers(0, 3))):
            der[draw(st.integers(0, len(der) - 1))] = draw(st.integers(0, 255))
        chain.append(bytes(der[: draw(st.integers(len(der) - 3, len(der)))]))
    return tuple(chain)


def _seen(chain: tuple[bytes, ...]) -> HandshakeSeen:
    return HandshakeSeen(Way.OPEN, "mail.test", done=True, version="TLSv1.3", chain=chain)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.one_of(mangled(), st.lists(st.binary(max_size=200), max_size=3).map(tuple)))
def test_whatever_is_sent_is_judged(chain: tuple[bytes, ...]) -> None:
    read_chain(chain)
    asked = evidence(host(port(handshakes=(_seen(chain),))))
    assert not questions(asked, Answers(), zoo_verifiers()).candidates[9:]
    for one in judge(asked, Answers(), zoo_verifiers()):
        assert one.id
        assert all(isinstance(value, str) for value in one.values.values())


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(zoo().published)), st.integers(0, 3000), st.integers(0, 255))
def test_whatever_stands_at_a_url_is_judged(url: str, at: int, octet: int) -> None:
    body = bytearray(zoo().published[url])
    body[at % len(body)] = octet
    fetched = {one: bytes(body) for one in zoo().published}
    for name in ("missing-intermediate", "revoked"):
        judge(evidence(host(port(name))), Answers(fetched), zoo_verifiers())


def test_a_certificate_that_cannot_be_read_is_told() -> None:
    (found,) = ask_and_judge(evidence(host(port(handshakes=(_seen((b"0\x03abc",)),)))))
    assert found.id == "CERT-314"
    assert "cannot be read" in found.values["what"]


def test_a_long_certificate_is_not_read() -> None:
    assert read_certificate(b"\x30" * (chains.MAX_OCTETS + 1)).problem


def test_many_certificates_are_cut() -> None:
    sent = zoo().certificates["ok"].chain
    found = read_chain(sent + sent[1:] * 100)
    assert found is not None
    assert len(found.certificates) == chains.MAX_CERTIFICATES


def test_many_names_are_cut() -> None:
    leaf = make(Order(names=tuple(f"n{one}.test" for one in range(1200))), NOW)
    found = read_certificate(leaf.der)
    assert len(found.names.dns) == chains.MAX_NAMES
    assert found.names_shown.endswith("and 990 more")


def test_few_signatures_are_verified_whatever_the_names() -> None:
    """Every certificate is everybody's issuer by name, and nobody's by signature."""
    same = [make(authority("Same"), NOW, make(authority("Same"), NOW)).der for _ in range(20)]
    leaf = make(Order(), NOW, make(authority("Same"), NOW)).der
    found = read_chain([leaf, *same])
    assert found is not None
    assert found.path == (0,)
    assert found.broken == 0


def test_a_circle_ends() -> None:
    key, other = new_key(), new_key()
    one = make(authority("One"), NOW, make(authority("Other"), NOW, key=other), key)
    two = make(authority("Other"), NOW, one, other)
    leaf = make(Order(), NOW, two)
    found = read_chain([leaf.der, two.der, one.der])
    assert found is not None
    assert found.path == (0, 1, 2)


def test_a_signature_that_nobody_verifies_any_more_still_links() -> None:
    sent = zoo().certificates["sha1-leaf"].chain
    leaf, above = map(read_certificate, sent)
    assert link(leaf, above) is Link.UNPROVEN
    assert link(above, leaf) is Link.NONE


def test_what_a_certificate_says_is_read() -> None:
    sent = zoo().certificates["ok"].chain
    leaf = read_certificate(sent[0])
    assert leaf.names.dns == ("mail.test",)
    assert leaf.issuer.words == "Zoo Intermediate"
    assert leaf.life == timedelta(days=60)
    assert leaf.issuer_urls == ("http://ca.mail.test/inter.cer",)
    assert (leaf.key_type, leaf.key_bits, leaf.weak_signature) == ("elliptic-curve", 256, "")
    assert leaf.key_id is not None
    assert "der" in {one.name for one in fields(leaf)}


def test_what_is_no_certificate_or_too_long_is_none() -> None:
    pem = zoo().published["http://ca.mail.test/inter.pem"]
    assert len(parse_certificates(pem)) == 1
    assert parse_certificates(b"<html>") == ()
    assert parse_certificates(b"") == ()
    assert parse_certificates(pem + b"\n" * CA_OCTETS) == ()
