"""What a domain's records say, and whether its servers keep it."""

from dataclasses import replace

import pytest

from mailclad.base.resolver import Caa, Mx, Tlsa
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import MailProtocol
from mailclad.mail.mta_sts import StsMode, make_policy
from mailclad.mail.server_identity import Identities
from mailclad.services.diagnose.catalogue import level_of
from mailclad.services.diagnose.chain import Certificate, read_certificate
from mailclad.services.diagnose.evidence import Answers
from mailclad.services.diagnose.facts import (
    Asked,
    ExchangeSeen,
    HandshakeSeen,
    PolicySeen,
    PortSeen,
    ReverseSeen,
    Spoken,
    Way,
)
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.diagnose.rules import policies
from mailclad.services.diagnose.rules.case import Case
from tests.services.diagnose.seen import (
    ADDRESS,
    ask_and_judge,
    endpoint,
    evidence,
    handshakes,
    host,
    port,
    zoo,
    zoo_verifiers,
)

MX = "mail.test"
DOMAIN = "example.test"
AT = endpoint(MX, 25, MailProtocol.SMTP, TlsMode.STARTTLS)


def _digest(name: str) -> str:
    return read_certificate(zoo().certificates[name].chain[0]).key_digest


def _tlsa(name: str, usage: int = 3) -> Tlsa:
    return Tlsa(usage, 1, 1, bytes.fromhex(_digest(name)))


SECURE4 = Asked(MX, (ADDRESS,), secure=True)
NO6: Asked[str] = Asked(MX, secure=True)
EXCHANGE = ExchangeSeen(
    MX,
    10,
    SECURE4,
    NO6,
    tlsa=Asked(f"_25._tcp.{MX}", (_tlsa("ok"),), secure=True),
    reverse=(ReverseSeen(ADDRESS, Asked("ptr", (MX,)), (MX,)),),
)
POLICY = make_policy(DOMAIN, StsMode.ENFORCE, (MX,), 86_400)
GOOD = PolicySeen(
    domain=DOMAIN,
    zone=DOMAIN,
    mx=Asked(DOMAIN, (Mx(10, MX),), secure=True),
    exchanges=(EXCHANGE,),
    sts=Asked("_mta-sts", (f"v=STSv1; id={POLICY.id};".encode(),)),
    sts_policy=POLICY,
    tls_rpt=Asked("_smtp._tls", (b"v=TLSRPTv1; rua=mailto:tls@example.test",)),
    caa={MX: Asked(MX, (Caa(0, "issue", b"letsencrypt.org"),))},
    spf=Asked(DOMAIN, (b"v=spf1 mx -all",)),
    dmarc=Asked("_dmarc", (b"v=DMARC1; p=reject",)),
    set_up={"autoconfig.example.test": True},
)


def smtp(name: str = "ok", offers: tuple[str, ...] = ("STARTTLS",)) -> PortSeen:
    return port(
        at=AT,
        greeting=b"220 mail.test ESMTP\r\n",
        spoken=Spoken.SMTP,
        offers_clear=offers,
        upgrade_reply="220 go on" if "STARTTLS" in offers else "",
        handshakes=handshakes(name) if "STARTTLS" in offers else (),
    )


def judged(seen: PolicySeen, at: PortSeen | None = None) -> tuple[Found, ...]:
    return ask_and_judge(evidence(host(at or smtp(), name=MX), policies=seen))


def exchange(**changes: object) -> PolicySeen:
    return replace(GOOD, exchanges=(replace(EXCHANGE, **changes),))  # type: ignore[arg-type]


BOGUS: Asked[bytes] = Asked("x", problem="signature expired", bogus=True)
UNKNOWN: Asked[bytes] = Asked("x", problem="no answer")
WEAK_KEY = (
    b"v=DKIM1; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL0yV0R5vPqSdpYPd5TQFHeQnZDPBHsc4yCjLvnb0dQW"
    b"uQkp1Q7xHMSBxkPcnWwqhPmOn0b0oT0qy3pMZ4eCTL0CAwEAAQ=="
)

RECORDS: dict[str, tuple[PolicySeen, list[str]]] = {
    "all is well": (GOOD, []),
    "nothing is known": (
        PolicySeen(DOMAIN, "", replace(GOOD.mx, problem="no"), spf=UNKNOWN, dmarc=UNKNOWN),
        [],
    ),
    "no mail server": (replace(GOOD, mx=Asked(DOMAIN, secure=True), exchanges=()), ["DNS-411"]),
    "no MX, but an address": (replace(GOOD, mx=Asked(DOMAIN, secure=True)), ["DNS-411"]),
    "takes no mail": (
        replace(GOOD, mx=Asked(DOMAIN, (Mx(0, ""),), secure=True), exchanges=()),
        ["DNS-411"],
    ),
    "an alias": (exchange(alias="other.test"), ["DNS-411"]),
    "a server without address": (exchange(addresses4=Asked(MX, secure=True)), ["DNS-411"]),
    "no reverse name": (exchange(reverse=(ReverseSeen(ADDRESS, Asked("p")),)), ["DNS-412"]),
    "a reverse name that does not lead back": (
        exchange(reverse=(ReverseSeen(ADDRESS, Asked("p", ("x.test",))),)),
        ["DNS-412"],
    ),
    "a reverse name that nobody could look up": (
        exchange(reverse=(ReverseSeen(ADDRESS, Asked("p", problem="no answer")),)),
        [],
    ),
    "no SPF": (replace(GOOD, spf=Asked(DOMAIN)), ["DNS-413"]),
    "SPF is not known": (replace(GOOD, spf=UNKNOWN), []),
    "two SPF records": (replace(GOOD, spf=Asked(DOMAIN, (b"v=spf1 -all",) * 2)), ["DNS-413"]),
    "SPF that nobody can read": (replace(GOOD, spf=Asked("", (b"v=spf1 mxx",))), ["DNS-413"]),
    "SPF for everybody": (replace(GOOD, spf=Asked("", (b"v=spf1 +all",))), ["DNS-413"]),
    "a DKIM key that was withdrawn": (replace(GOOD, dkim={"a": Asked("", (b"p=",))}), []),
    "a DKIM key that nobody can read": (
        replace(GOOD, dkim={"a": Asked("", (b"v=DKIM1; p=AAAA",))}),
        ["DNS-414"],
    ),
    "no DMARC": (replace(GOOD, dmarc=Asked("")), ["DNS-415"]),
    "two DMARC records": (
        replace(GOOD, dmarc=Asked("", (b"v=DMARC1; p=none",) * 2)),
        ["DNS-415"],
    ),
    "DMARC for reports only": (
        replace(GOOD, dmarc=Asked("", (b"v=DMARC1; p=none; rua=mailto:a@b.test",))),
        ["DNS-415"],
    ),
    "DMARC that nobody can read": (replace(GOOD, dmarc=Asked("", (b"v=DMARC1; p",))), ["DNS-415"]),
    "two STS records": (
        replace(GOOD, sts=Asked("", (b"v=STSv1; id=1;", b"v=STSv1; id=2;"))),
        ["DNS-416"],
    ),
    "no STS": (replace(GOOD, sts=Asked(""), sts_policy=None), []),
    "an STS policy that is not there": (
        replace(GOOD, sts_policy=None, sts_problem="status 404"),
        ["DNS-416"],
    ),
    "an STS policy that does not name the server": (
        replace(GOOD, sts_policy=make_policy(DOMAIN, StsMode.TESTING, ("x.test",), 1)),
        ["DNS-416"],
    ),
    "an STS policy that was given up": (
        replace(GOOD, sts_policy=make_policy(DOMAIN, StsMode.NONE, (), 1)),
        [],
    ),
    "TLSA for another key": (
        exchange(tlsa=Asked("", (_tlsa("expired"),), secure=True)),
        ["DNS-417"],
    ),
    "TLSA for the next key too": (
        exchange(tlsa=Asked("", (_tlsa("expired"), _tlsa("ok")), secure=True)),
        [],
    ),
    "TLSA of a kind for browsers": (
        exchange(tlsa=Asked("", (_tlsa("ok", 1),), secure=True)),
        ["DNS-417"],
    ),
    "TLSA without DNSSEC": (
        exchange(tlsa=Asked(""), tlsa_insecure=(_tlsa("ok"),)),
        ["DNS-417"],
    ),
    "broken DNSSEC": (replace(GOOD, dmarc=BOGUS), ["DNS-418"]),
    "broken DNSSEC everywhere": (
        replace(GOOD, mx=Asked(DOMAIN, problem="b", bogus=True), spf=BOGUS, exchanges=()),
        ["DNS-418"],
    ),
    "autoconfig is missing": (replace(GOOD, set_up={"autoconfig.a": False}), ["DNS-420"]),
    "autoconfig, of a domain that the DNS says nothing of": (
        replace(GOOD, set_up={"autoconfig.a": False}, mx=Asked("a", problem="no answer")),
        [],
    ),
    "autoconfig is one of two": (replace(GOOD, set_up={"a": False, "b": True}), []),
    "entered twice": (replace(GOOD, twice=("_dmarc.example.test.example.test",)), ["DNS-421"]),
    "no DNSSEC": (
        replace(GOOD, mx=replace(GOOD.mx, secure=False)),
        ["DNS-424"],
    ),
    "DNSSEC could not be seen": (
        replace(GOOD, mx=replace(GOOD.mx, secure=False), proofs=False),
        [],
    ),
    "DANE could not be seen": (
        replace(exchange(tlsa=Asked(""), tlsa_insecure=(_tlsa("ok"),)), proofs=False),
        [],
    ),
    "no TLS reports": (replace(GOOD, tls_rpt=Asked("")), ["DNS-425"]),
    "DANE could be": (exchange(tlsa=Asked("", secure=True)), ["DNS-426"]),
}


@pytest.mark.parametrize("name", RECORDS)
def test_records_give_just_their_findings(name: str) -> None:
    seen, expected = RECORDS[name]
    assert [one.id for one in judged(seen)] == expected


def test_records_to_publish_are_whole() -> None:
    (dane,) = judged(exchange(tlsa=Asked("", secure=True)))
    assert dane.values == {"record": f"_25._tcp.mail.test. IN TLSA 3 1 1 {_digest('ok')}"}
    (reports,) = judged(replace(GOOD, tls_rpt=Asked("")))
    assert reports.values["record"].startswith("_smtp._tls.example.test. IN TXT ")


def test_tlsa_records_of_a_server_without_starttls_hold_mail_up() -> None:
    found = judged(GOOD, smtp(offers=("PIPELINING",)))
    assert [(one.id, one.level) for one in found] == [
        ("MODE-203", Level.PROBLEM),
        ("DNS-417", Level.PROBLEM),
    ]


def test_between_servers_a_certificate_matters_where_mta_sts_enforces_it() -> None:
    unsafe = exchange(tlsa=Asked("", (_tlsa("self-signed-leaf"),), secure=True))
    (found,) = judged(unsafe, smtp("self-signed-leaf"))
    assert (found.id, found.level) == ("CERT-303", Level.PROBLEM)
    testing = make_policy(DOMAIN, StsMode.TESTING, (MX,), 1)
    (found,) = judged(replace(unsafe, sts_policy=testing), smtp("self-signed-leaf"))
    assert (found.id, found.level) == ("CERT-303", None)


def test_an_untidy_chain_is_no_problem_even_where_mta_sts_enforces() -> None:
    good = exchange(tlsa=Asked("", (_tlsa("ok-with-root-sent"),), secure=True))
    (found,) = judged(good, smtp("ok-with-root-sent"))
    assert (found.id, found.level) == ("CERT-316", None)


def test_a_web_port_that_nobody_was_promised_is_only_noted() -> None:
    web = endpoint(MX, 443, MailProtocol.HTTPS)
    seen = port("expired", web)
    (found,) = ask_and_judge(evidence(host(seen)))
    assert found.level is Level.NOTE
    (found,) = ask_and_judge(evidence(host(seen), promised=(web,)))
    assert found.level is None
    old = HandshakeSeen(Way.OLD, MX, done=True, version="TLSv1")
    seen = port("ok", web, handshakes=(*handshakes("ok"), old))
    (found,) = ask_and_judge(evidence(host(seen)))
    assert (found.id, found.level) == ("TLS-402", Level.NOTE)
    set_up = endpoint("autoconfig.mail.test", 443, MailProtocol.HTTPS)
    found = ask_and_judge(evidence(host(port("expired", set_up))))[0]
    assert (found.id, found.level) == ("CERT-301", None)


def test_an_authority_that_caa_does_not_name() -> None:
    caa = {MX: Asked("test", (Caa(0, "issue", b"digicert.com; accounturi=x"),))}
    seen = exchange(tlsa=Asked("", (_tlsa("no-sct-public"),), secure=True))
    found = judged(replace(seen, caa=caa), smtp("no-sct-public"))
    assert [one.id for one in found] == ["CERT-321", "DNS-419"]
    assert found[1].values == {
        "issuers": "digicert.com",
        "wanted": "letsencrypt.org",
        "record": 'test. IN CAA 0 issue "letsencrypt.org"',
    }


@pytest.mark.parametrize(
    ("plain", "star", "found"),
    [(b";", b"letsencrypt.org", []), (b"letsencrypt.org", b";", ["DNS-419"])],
)
def test_of_a_certificate_with_a_star_issuewild_decides(
    plain: bytes, star: bytes, found: list[str]
) -> None:
    records = (Caa(0, "issue", plain), Caa(0, "issuewild", star))
    leaf = read_certificate(zoo().certificates["no-sct-public"].chain[0])
    starred = replace(leaf, names=Identities(dns=("*.test",)))
    assert _caa_findings({"a.test": Asked("test", records)}, starred) == found


def _caa_findings(caa: dict[str, Asked[Caa]], leaf: Certificate) -> list[str]:
    at = replace(AT, host="a.test")
    case = Case(evidence(host(port("no-sct-public", at))), Answers(), zoo_verifiers())
    case.evidence = replace(case.evidence, policies=replace(GOOD, caa=caa))
    (shown,) = case.shown
    case.__dict__["shown"] = (replace(shown, chain=replace(shown.chain, certificates=(leaf,))),)
    return [one.id for one in policies.caa(case)]


def test_an_authority_that_caa_names() -> None:
    seen = exchange(tlsa=Asked("", (_tlsa("no-sct-public"),), secure=True))
    assert [one.id for one in judged(seen, smtp("no-sct-public"))] == ["CERT-321"]


def test_a_server_that_calls_itself_something_else() -> None:
    assert judged(GOOD, replace(smtp(), greeting=b"220-mail.test hello\r\n220 go on\r\n")) == ()
    (found,) = judged(GOOD, replace(smtp(), greeting=b"220 localhost ESMTP\r\n"))
    assert found.id == "DNS-423"
    assert found.values == {"greeting": "localhost", "ptr": MX, "names": MX}


@pytest.mark.parametrize("name", ["node-17.in.mail.test", "MAIL.test.", "a.mail.test"])
def test_one_machine_of_a_farm_greets_by_its_own_name(name: str) -> None:
    greeting = f"220 {name} ESMTP\r\n".encode()
    assert judged(GOOD, replace(smtp(), greeting=greeting)) == ()


def test_an_alias_of_the_mx_stops_nobody() -> None:
    (found,) = judged(exchange(alias="other.test"))
    assert level_of(found) is Level.WATCH
    (found,) = judged(exchange(addresses4=Asked(MX, secure=True)))
    assert level_of(found) is Level.PROBLEM
