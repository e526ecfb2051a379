"""Which certificate signs what the pages hand out."""

from dataclasses import replace

from mailclad.app.web import profile_signer
from mailclad.services.certificates import private_ca
from mailclad.services.certificates.chain import CertificateChain
from tests.certificates import make

HOST = "mail.example.net"


def served(*names: str, source: str = "a file") -> CertificateChain:
    return replace(make(names[0], list(names)).served(), names=names, source=source)


def test_a_profile_is_signed_as_the_host() -> None:
    other, ours = served("other.example"), served("*.example.net")
    assert profile_signer([other, ours], HOST) is ours
    assert profile_signer([other], HOST) is other
    assert profile_signer([], HOST) is None


def test_our_own_authority_signs_none_even_while_it_stands_in() -> None:
    temporary = served(HOST, source=private_ca.SOURCE)
    assert profile_signer([temporary], HOST) is None
    assert profile_signer([temporary, served("other.example")], HOST) is None
