"""Every refusal has words for people, and an entry of the catalogue."""

import pytest

from mailclad.protocols.acme.objects import ERROR_NAMESPACE, Problem
from mailclad.services.certificates.acme.challenge import ChallengeKind
from mailclad.services.certificates.acme.explain import explain, finding

KINDS = (
    *("accountDoesNotExist", "alreadyRevoked", "badCSR", "badNonce", "badPublicKey"),
    *("badRevocationReason", "badSignatureAlgorithm", "caa", "compound", "connection", "dns"),
    *("externalAccountRequired", "incorrectResponse", "invalidContact", "malformed"),
    *("orderNotReady", "rateLimited", "rejectedIdentifier", "serverInternal", "tls"),
    *("unauthorized", "unsupportedContact", "unsupportedIdentifier", "userActionRequired"),
    "alreadyReplaced",
)
UNKNOWN = explain(Problem())


@pytest.mark.rfc(8555, "6.7")
@pytest.mark.parametrize("proof", [None, *ChallengeKind])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_words(kind: str, proof: ChallengeKind | None) -> None:
    problem = Problem(f"{ERROR_NAMESPACE}{kind}", "for such reasons")
    words = explain(problem, proof)
    assert "(it says: “for such reasons”): " in words
    assert explain(Problem(problem.type), proof) != UNKNOWN
    assert finding(problem, proof).startswith(("ACME-43", "DNS-41"))


@pytest.mark.parametrize(
    ("kind", "proof", "words", "entry"),
    [
        ("connection", ChallengeKind.HTTP, "port 80", "ACME-431"),
        ("tls", ChallengeKind.TLS_ALPN, "port 443", "ACME-431"),
        ("unauthorized", ChallengeKind.DNS, "_acme-challenge", "ACME-432"),
        ("unauthorized", None, "to our account", "ACME-435"),
        ("rateLimited", None, "wait", "ACME-433"),
        ("caa", ChallengeKind.HTTP, "CAA record", "DNS-419"),
        ("externalAccountRequired", None, "EAB", "ACME-434"),
        ("somethingNew", None, "see what it says", "ACME-435"),
    ],
)
def test_the_remedy_fits(kind: str, proof: ChallengeKind | None, words: str, entry: str) -> None:
    problem = Problem(f"{ERROR_NAMESPACE}{kind}")
    assert words in explain(problem, proof)
    assert finding(problem, proof) == entry


def test_the_record_that_is_missing_is_shown() -> None:
    problem = Problem(f"{ERROR_NAMESPACE}caa")
    assert '“0 issue "ca.test"”' in explain(problem, issuer="ca.test")
    assert "issue" not in explain(problem, issuer='ca.test"; \x1b[31m')


@pytest.mark.parametrize(
    ("instance", "shown"),
    [
        ("https://ca.test/agree?x=1", True),
        ("http://ca.test/", False),
        ("https://ca.test/\x1b[31m", False),
        ("https://ca.test/" + "x" * 500, False),
    ],
)
def test_where_to_act_is_shown_if_it_is_a_link(instance: str, shown: bool) -> None:
    problem = Problem(f"{ERROR_NAMESPACE}userActionRequired", instance=instance)
    assert (instance in explain(problem)) == shown
