"""The look at our own answer on port 443: what an authority would meet, in words."""

import asyncio

import pytest

from mailclad.services.certificates.acme.challenge import Challenge, ChallengeKind
from mailclad.services.certificates.acme.solvers.look_tls_alpn import (
    NotReached,
    NotSpoken,
    TlsAlpnLook,
)
from mailclad.services.certificates.acme.solvers.tls_alpn_certificate import make_answer, proves
from tests.certificates import make
from tests.dns.fake import FakeResolver
from tests.services.certificates.acme.test_tls_alpn_certificate import KEY_AUTHORIZATION, NOW, der

NAMES = FakeResolver({("a.test", "A"): ["192.0.2.1"], ("a.test", "AAAA"): ["2001:db8::1"]})
RIGHT = der(make_answer("a.test", KEY_AUTHORIZATION, NOW))


def look(v4: bytes | Exception, v6: bytes | Exception = RIGHT, name: str = "a.test") -> str:
    asked = []

    async def shown(address: str, server_name: str) -> bytes:
        asked.append(server_name)
        found = v6 if ":" in address else v4
        if isinstance(found, Exception):
            raise found
        return found

    challenge = Challenge(ChallengeKind.TLS_ALPN, name, "token", KEY_AUTHORIZATION)
    doubt = asyncio.run(TlsAlpnLook(shown, NAMES)(challenge))
    assert set(asked) == {"a.test" if name == "a.test" else "1.2.0.192.in-addr.arpa"}
    return doubt


def test_the_right_answer_at_every_address_is_no_doubt() -> None:
    assert look(RIGHT) == ""
    assert look(RIGHT, name="192.0.2.1") == ""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (NotReached("Connection refused"), "does not answer on port 443 (Connection refused)"),
        (NotSpoken("alert 120"), "does not speak acme-tls/1 on port 443 (alert 120): another web"),
        (der(make_answer("a.test", "other.thumb", NOW)), "shows another server's answer"),
        (make("a.test", ["a.test"]).der, "shows another server's answer"),
        (b"no certificate", "shows another server's answer"),
    ],
)
def test_what_is_wrong_at_one_address_is_told(found: bytes | Exception, words: str) -> None:
    doubt = look(found)
    assert f"a.test at 192.0.2.1 {words}" in doubt
    assert "Right is 2001:db8::1" in doubt


def test_an_answer_is_to_one_challenge() -> None:
    assert proves(RIGHT, KEY_AUTHORIZATION)
    assert not proves(RIGHT, "token.other")
