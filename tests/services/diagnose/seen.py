"""Ports as a prober would have seen them, with chains of the zoo."""

from datetime import UTC, datetime
from functools import cache

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.diagnose.evidence import Answers, Evidence, Verifiers
from mailclad.services.diagnose.facts import (
    HandshakeSeen,
    HostSeen,
    PortSeen,
    Reach,
    Spoken,
    Way,
)
from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.judge import judge, questions
from mailclad.testing.zoo.certificates import CertificateZoo, ZooCertificate, make_zoo
from tests.services.diagnose import openssl

NOW = datetime.now(UTC).replace(microsecond=0)
ADDRESS = "192.0.2.1"


@cache
def zoo() -> CertificateZoo:
    return make_zoo(NOW)


@cache
def zoo_verifiers() -> Verifiers:
    return openssl.verifiers(zoo().store)


@cache
def handshakes(name: str) -> tuple[HandshakeSeen, ...]:
    made = zoo().certificates[name]
    plain = openssl.faults(made.chain, made.key_pem, zoo().store)
    strict = openssl.faults(made.chain, made.key_pem, zoo().store, openssl.STRICT)
    return (
        handshake(Way.OPEN, made),
        handshake(Way.MODERN, made, faults=plain),
        handshake(Way.STRICT, made, faults=strict),
    )


def handshake(way: Way, made: ZooCertificate, **changes: object) -> HandshakeSeen:
    facts: dict[str, object] = {
        "server_name": made.host,
        "done": True,
        "version": "TLSv1.3",
        "suite": "TLS_AES_256_GCM_SHA384",
        "chain": made.chain,
    }
    return HandshakeSeen(way=way, **{**facts, **changes})  # type: ignore[arg-type]


def endpoint(
    host: str,
    port: int = 993,
    protocol: MailProtocol = MailProtocol.IMAP,
    tls: TlsMode = TlsMode.IMPLICIT,
) -> Endpoint:
    return Endpoint(protocol, host, port, tls)


def port(
    name: str = "ok", at: Endpoint | None = None, address: str = ADDRESS, **changes: object
) -> PortSeen:
    """One that shows a chain of the zoo."""
    facts: dict[str, object] = {
        "endpoint": at or endpoint(zoo().certificates[name].host),
        "address": address,
        "reach": Reach.OPEN,
        "spoken": Spoken.TLS,
        "handshakes": handshakes(name),
    }
    return PortSeen(**{**facts, **changes})  # type: ignore[arg-type]


def host(*ports: PortSeen, name: str = "") -> HostSeen:
    addresses = tuple(dict.fromkeys(one.address for one in ports))
    return HostSeen(name or ports[0].endpoint.host, addresses, ports=ports)


def evidence(*hosts: HostSeen, **changes: object) -> Evidence:
    return Evidence(hosts=hosts, now=NOW, **changes)  # type: ignore[arg-type]


def ask_and_judge(asked: Evidence, rounds: int = 5) -> tuple[Found, ...]:
    """With the URLs of the zoo answered, and no candidates."""
    answers = Answers()
    for _ in range(rounds):
        left = questions(asked, answers, zoo_verifiers())
        urls = (*left.issuers, *left.revocations)
        if not urls:
            break
        fetched = {url: zoo().published.get(url) for url in urls}
        answers = Answers({**answers.fetched, **fetched}, answers.candidates)
    return judge(asked, answers, zoo_verifiers())
