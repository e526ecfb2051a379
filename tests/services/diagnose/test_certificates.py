"""Each certificate of the zoo gives its findings and no others."""

import pytest
from cryptography import x509

from mailclad.mail.tls_verdict import ChainFault
from mailclad.services.diagnose.chain import read_certificate
from mailclad.services.diagnose.evidence import Answers
from mailclad.services.diagnose.facts import Way
from mailclad.services.diagnose.judge import judge, questions
from mailclad.services.diagnose.rules import keys, revocation
from tests.services.diagnose.seen import (
    ask_and_judge,
    evidence,
    handshake,
    host,
    port,
    zoo,
    zoo_verifiers,
)


@pytest.mark.parametrize("name", list(zoo().certificates))
def test_a_certificate_of_the_zoo_gives_just_its_findings(name: str) -> None:
    found = ask_and_judge(evidence(host(port(name))))
    assert [(one.rule, one.id) for one in found] == list(zoo().certificates[name].finds)


SAYS = {
    "rsa-1024": ("what", "an RSA key of 1024 bits"),
    "weak-authority": ("what", "an RSA key of 1024 bits, in the link “Zoo Weak Intermediate”"),
    "sha1-leaf": ("what", "a signature with SHA-1"),
    "sha1-intermediate": ("what", "a signature with SHA-1, in the link “Zoo SHA-1 Intermediate”"),
    "eku-client-only": ("what", "it is for clients"),
    "eku-email-protection": ("what", "it is for signing and encrypting mail (S/MIME)"),
    "ku-certsign-only": ("what", "it is for signing other certificates"),
    "issuer-not-a-ca": ("what", "an issuer is no authority"),
    "name-constraint-violation": ("what", "an authority may not certify this name"),
    "path-too-long": ("what", "an authority may have no authorities below it, and has"),
    "no-aki": ("what", "authorityKeyIdentifier is missing"),
    "empty-subject": ("what", "it has no subject, and its names are not marked critical"),
    "expired-intermediate": ("breaks", "all"),
    "expired-cross-root": ("breaks", "old"),
    "wrong-order": ("what", "reversed"),
    "ok-with-root-sent": ("what", "a certificate that is not needed: Zoo Root"),
    "extra-unrelated": ("what", "a certificate that is not needed: Zoo Other Intermediate"),
    "missing-intermediate": ("missing", "Zoo Intermediate"),
    "missing-two": ("missing", "Zoo Deep, Zoo Middle"),
    "missing-intermediate-known": ("how", "bundled"),
    "private-ca-root-not-sent": ("issuer", "Example Company CA"),
    "intercepted": ("product", "Avast or AVG virus protection"),
    "ends-soon": ("left_percent", "11"),
    "hostname-mismatch": ("kind", "none"),
    "www-only": ("kind", "sibling"),
    "sibling": ("kind", "sibling"),
    "wildcard-depth": ("kind", "wildcard"),
    "address-asked": ("kind", "ip"),
    "no-name": ("names", "Mail Server"),
    "cn-only-no-san": ("common_name", "mail.test"),
    "revoked": ("reason", "the key is in wrong hands"),
    "398-day-public": ("what", "it lives 398 days, and 200 are allowed"),
}


@pytest.mark.parametrize("name", SAYS)
def test_a_finding_says_what_it_is(name: str) -> None:
    key, value = SAYS[name]
    (found,) = ask_and_judge(evidence(host(port(name))))
    assert found.values[key] == value


@pytest.mark.parametrize("code", [62, 64])
def test_a_wrong_name_explains_what_a_verifier_says_of_names(code: int) -> None:
    made = zoo().certificates["hostname-mismatch"]
    shake = handshake(Way.MODERN, made, faults=(ChainFault(code, 0),))
    (found,) = ask_and_judge(evidence(host(port("hostname-mismatch", handshakes=(shake,)))))
    assert found.id == "CERT-302"


def test_the_missing_link_is_given_as_pem() -> None:
    (found,) = ask_and_judge(evidence(host(port("missing-two"))))
    assert found.values["how"] == "aia"
    given = x509.load_pem_x509_certificates(found.values["pem"].encode())
    common_names = [one.subject.rfc4514_string() for one in given]
    assert common_names == ["CN=Zoo Deep", "CN=Zoo Middle"]


def test_a_list_or_a_link_is_asked_for_once_however_many_ports_need_it() -> None:
    seen = host(port("missing-intermediate"), port("revoked"), port("revoked"))
    asked = questions(evidence(seen), Answers(), zoo_verifiers())
    assert asked.issuers == ("http://ca.mail.test/inter.cer",)
    assert asked.revocations == ("http://ca.mail.test/revoked.crl",)


def test_a_revocation_list_is_read_once_however_many_ports_need_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[bytes] = []

    def load(octets: bytes) -> x509.CertificateRevocationList:
        read.append(octets)
        return x509.load_der_x509_crl(octets)

    monkeypatch.setattr(revocation, "_load", load)
    ports = [port("revoked", address=f"192.0.2.{one}") for one in range(1, 10)]
    (found,) = judge(evidence(host(*ports)), Answers(zoo().published), zoo_verifiers())
    assert (found.id, len(found.also)) == ("CERT-320", 8)
    assert len(read) == 1


def test_a_chain_that_no_modern_program_was_shown_is_verified_all_the_same() -> None:
    old = handshake(Way.OPEN, zoo().certificates["private-ca-root-not-sent"], version="TLSv1.2")
    (found,) = ask_and_judge(evidence(host(port(handshakes=(old,)))))
    assert found.id == "CERT-305"


def test_a_published_key_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    leaf = read_certificate(zoo().certificates["ok"].chain[0])
    monkeypatch.setitem(keys.PUBLISHED_KEYS, leaf.key_digest[:16], "a book")
    (found,) = ask_and_judge(evidence(host(port())))
    assert (found.id, found.values) == ("CERT-322", {"where_published": "a book"})
