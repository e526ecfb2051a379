import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from mailclad.base.https import HttpsProblem, Response
from mailclad.base.resolver import Answer, Caa, DnsBogus, DnsProblem, Mx, Tlsa
from mailclad.services.diagnose.discovery import Discovery, Source, SourceSeen
from mailclad.services.diagnose.facts import Asked, PolicySeen
from mailclad.services.diagnose.policies import SIGNED_ZONE, PolicyReader
from mailclad.services.diagnose.target import Target
from tests.dns.fake import FakeResolver
from tests.services.diagnose.web import FakeWeb

DOMAIN = "example.test"
HOST = "mx.example.test"
POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mx.example.test\r\nmax_age: 86400\r\n"
POLICY_URL = "https://mta-sts.example.test/.well-known/mta-sts.txt"
RECORD = Tlsa(3, 1, 1, b"\x01" * 32)


def read(
    dns: Mapping[tuple[str, str], Any],
    web: Mapping[str, bytes | Response | HttpsProblem] | None = None,
    mx: Asked[Mx] = Asked(DOMAIN, (Mx(10, HOST),)),
    sources: tuple[SourceSeen, ...] = (),
    *,
    has_address: bool = False,
) -> PolicySeen:
    reader = PolicyReader(FakeResolver(dns), FakeWeb(web))
    found = Discovery(Target(DOMAIN, DOMAIN), DOMAIN, mx, has_address, sources)
    return asyncio.run(reader.read(found, [HOST]))


def secure(name: str, *records: Any) -> Answer[Any]:
    return Answer(name, records, secure=True)


def test_everything_that_a_domain_says() -> None:
    seen = read(
        {
            (HOST, "A"): ["192.0.2.1"],
            (HOST, "AAAA"): ["2001:db8::1"],
            ("192.0.2.1", "PTR"): [HOST, "other.test"],
            (DOMAIN, "NS"): ["ns.example.test"],
            ("test", "NS"): secure("test", "ns.test"),
            (DOMAIN, "CAA"): [Caa(0, "issue", b"letsencrypt.org")],
            (DOMAIN, "TXT"): [b"v=spf1 mx -all", b"google-site-verification=1"],
            ("_dmarc.example.test", "TXT"): [b"v=DMARC1; p=reject", b"v=spf1 -all"],
            ("_smtp._tls.example.test", "TXT"): [b"v=TLSRPTv1; rua=mailto:t@example.test"],
            ("_mta-sts.example.test", "TXT"): [b"v=STSv1; id=1;"],
            ("mail._domainkey.example.test", "TXT"): [b"v=DKIM1; p=MII"],
        },
        {POLICY_URL: POLICY},
        sources=(
            SourceSeen(Source.AUTOCONFIG, "autoconfig.example.test", problem="nobody there"),
            SourceSeen(Source.PACC, "ua-auto-config.example.test"),
        ),
    )
    assert seen.zone == DOMAIN
    (exchange,) = seen.exchanges
    assert exchange.addresses4.records == ("192.0.2.1",)
    assert exchange.addresses6.records == ("2001:db8::1",)
    assert [one.confirmed for one in exchange.reverse] == [(HOST,), ()]
    assert seen.caa[HOST].name == DOMAIN
    assert seen.spf.records == (b"v=spf1 mx -all",)
    assert seen.dmarc.records == (b"v=DMARC1; p=reject",)
    assert len(seen.tls_rpt.records) == len(seen.sts.records) == 1
    assert seen.sts_policy is not None
    assert seen.sts_policy.mx == (HOST,)
    assert list(seen.dkim) == ["mail"]
    assert seen.set_up == {"autoconfig.example.test": False, "ua-auto-config.example.test": True}
    assert not seen.twice
    assert seen.dnssec is None


@pytest.mark.parametrize(("signed", "dnssec"), [(True, False), (False, None)])
def test_a_name_server_without_proofs_says_nothing_of_dnssec(
    signed: bool, dnssec: bool | None
) -> None:
    seen = read({(SIGNED_ZONE, "NS"): Answer(SIGNED_ZONE, ("ns.test",), secure=signed)})
    assert seen.dnssec is dnssec


def test_where_a_router_drops_signatures_nobody_knows_whether_a_domain_is_signed() -> None:
    assert read({("test", "NS"): ["ns.test"]}).dnssec is None


def test_a_domain_that_says_nothing() -> None:
    seen = read({}, mx=Asked(DOMAIN), has_address=True)
    assert [one.host for one in seen.exchanges] == [DOMAIN]
    assert not seen.spf.records
    assert seen.sts_policy is None
    assert not seen.sts_problem


def test_a_null_mx_has_no_exchange() -> None:
    assert read({}, mx=Asked(DOMAIN, (Mx(0, ""),))).exchanges == ()


def test_tlsa_of_a_signed_host() -> None:
    name = f"_25._tcp.{HOST}"
    known = {(HOST, "A"): secure(HOST, "192.0.2.1"), (name, "TLSA"): secure(name, RECORD)}
    (exchange,) = read(known).exchanges
    assert exchange.tlsa.records == (RECORD,)
    assert exchange.tlsa_insecure == ()


def test_tlsa_of_a_host_that_is_not_signed() -> None:
    known = {(HOST, "A"): ["192.0.2.1"], (f"_25._tcp.{HOST}", "TLSA"): [RECORD]}
    (exchange,) = read(known).exchanges
    assert exchange.tlsa.records == ()
    assert exchange.tlsa_insecure == (RECORD,)


@pytest.mark.parametrize("signed", [True, False])
def test_tlsa_that_cannot_be_had_matters_below_a_signed_host_only(signed: bool) -> None:
    known = {
        (HOST, "A"): Answer(HOST, ("192.0.2.1",), secure=signed),
        (f"_25._tcp.{HOST}", "TLSA"): DnsBogus("signature does not verify"),
    }
    (exchange,) = read(known).exchanges
    assert exchange.tlsa.bogus is signed


def test_an_exchange_that_is_an_alias() -> None:
    known = {(HOST, "CNAME"): ["real.test"], ("real.test", "A"): ["192.0.2.1"]}
    (exchange,) = read(known).exchanges
    assert exchange.alias == "real.test"
    assert exchange.addresses4.records == ("192.0.2.1",)


@pytest.mark.parametrize(
    ("records", "web", "why"),
    [
        ([b"v=STSv1; id=1;", b"v=STSv1; id=2;"], {}, "several records"),
        ([b"v=STSv1; id=1;"], {}, "nobody there"),
        ([b"v=STSv1; id=1;"], {POLICY_URL: Response(301, {}, b"")}, "status 301"),
        ([b"v=STSv1; id=1;"], {POLICY_URL: b"hello"}, "line"),
    ],
)
def test_why_there_is_no_policy(
    records: list[bytes], web: Mapping[str, bytes | Response | HttpsProblem], why: str
) -> None:
    seen = read({("_mta-sts.example.test", "TXT"): records}, web)
    assert seen.sts_policy is None
    assert why in seen.sts_problem


def test_the_dmarc_record_above_counts() -> None:
    known = {("_dmarc.test", "TXT"): [b"v=DMARC1; p=none"]}
    assert read(known).dmarc.name == "_dmarc.test"


def test_a_record_that_stands_twice_over() -> None:
    name = "_dmarc.example.test.example.test"
    assert read({(name, "TXT"): [b"v=DMARC1; p=none"]}).twice == (name,)


def test_the_dns_may_fail() -> None:
    seen = read({(HOST, "A"): DnsProblem("no answer"), (DOMAIN, "CAA"): DnsBogus("bad")})
    assert seen.exchanges[0].addresses4.problem == "no answer"
    assert seen.caa[HOST].bogus
