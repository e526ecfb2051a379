"""A whole domain as the world sees it: right, then with one fault after the other."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from mailclad.base.https import Https, HttpsProblem, Request, Response
from mailclad.base.resolver import Caa, DnsProblem, Mx, Srv, Tlsa
from mailclad.mail.mta_sts import write_policy
from mailclad.mail.tls_verdict import Authentication, Failure, TlsVerdict, failed
from mailclad.services.provision.dns_check import Finding, State
from mailclad.services.provision.dns_records import DnsRecord, DomainFacts, dns_records
from mailclad.services.provision.dns_survey import Probe, View, World, survey
from tests.dns.fake import FakeResolver, Known
from tests.services.provision import domains

Names = dict[tuple[str, str], Known]
HOST = "mail.example.test"
FULL = replace(domains.FULL, keys=domains.FULL.keys[1:])  # an RSA key takes long to load
GOOD = TlsVerdict(Authentication.DANE_EE, None, "fine")


def typed(record: DnsRecord) -> Any:
    words = record.value.split()
    target = words[-1].removesuffix(".")
    match record.kind:
        case "MX":
            return Mx(int(words[0]), target)
        case "SRV":
            return Srv(int(words[0]), int(words[1]), int(words[2]), target)
        case "TLSA":
            return Tlsa(int(words[0]), int(words[1]), int(words[2]), bytes.fromhex(words[3]))
        case "TXT":
            return record.value.encode()
        case "CNAME":
            return target
        case _:
            return record.value


def names(facts: DomainFacts = FULL) -> Names:
    known: dict[tuple[str, str], list[Any]] = {}
    for record in dns_records(facts):
        known.setdefault((record.name, record.kind), []).append(typed(record))
    for address in facts.addresses:
        known[address, "PTR"] = [facts.host_name]
    return dict(known)


@dataclass
class FakeWeb(Https):
    answer: Response | HttpsProblem

    async def fetch(self, request: Request) -> Response:
        assert request.url == "https://mta-sts.example.test/.well-known/mta-sts.txt"
        if isinstance(self.answer, HttpsProblem):
            raise self.answer
        return self.answer


assert FULL.policy is not None
SERVED = Response(200, {}, write_policy(FULL.policy))


@dataclass
class FakeProbe(Probe):
    found: TlsVerdict | None = GOOD

    async def verdict(self, host: str, records: tuple[Tlsa, ...]) -> TlsVerdict | None:
        assert host.startswith("m")
        assert records
        return self.found


def look(
    *views: Names,
    facts: DomainFacts = FULL,
    web: Response | HttpsProblem = SERVED,
    probe: TlsVerdict | None = GOOD,
    zone: str = "",
) -> dict[tuple[str, str], Finding]:
    """What is to be done, by name and type."""
    seen = [View(f"view {n}", FakeResolver(one), zone if n else "") for n, one in enumerate(views)]
    progress: list[tuple[int, int]] = []
    found = asyncio.run(
        survey(
            facts,
            World(seen, FakeWeb(web), FakeProbe(probe)),
            lambda done, of: progress.append((done, of)),
        )
    )
    assert [done for done, _ in progress] == list(range(progress[-1][1] + 1))
    return {(one.name, one.kind): one for one in found if one.is_problem}


def test_a_domain_in_order() -> None:
    assert look(names(), names()) == {}


def without(*keys: tuple[str, str]) -> Names:
    return {key: value for key, value in names().items() if key not in keys}


def with_(changed: Mapping[tuple[str, str], Known]) -> Names:
    return {**names(), **changed}


def test_a_record_that_is_missing() -> None:
    found = look(without(("example.test", "MX")))
    assert [one.state for one in found.values()] == [State.MISSING]
    assert found["example.test", "MX"].seen == {"view 0": ()}


def test_what_one_name_server_does_not_say_yet() -> None:
    found = look(names(), with_({("example.test", "MX"): [Mx(1, "old.test")]}))
    (finding,) = found.values()
    assert finding.seen == {"view 0": ("10 mail.example.test.",), "view 1": ("1 old.test.",)}
    assert "wait" in finding.remedy


def test_a_name_server_is_asked_about_its_zone_only() -> None:
    elsewhere = replace(FULL, host_name="mx.host.test")
    asked = FakeResolver({("example.test", "MX"): DnsProblem("lost")})
    world = World(
        [View("all", FakeResolver(names(elsewhere))), View("zone", asked, "example.test")],
        FakeWeb(SERVED),
        FakeProbe(None),
    )
    asyncio.run(survey(elsewhere, world, lambda *_: None))
    assert asked.asked
    assert not [name for name, _ in asked.asked if name.endswith("host.test")]


def test_a_name_with_our_own_addresses_needs_no_alias() -> None:
    same = without(("mta-sts.example.test", "CNAME"))
    assert look({**same, ("mta-sts.example.test", "A"): ["192.0.2.1"]}) == {}
    found = look({**same, ("mta-sts.example.test", "A"): ["192.0.2.9"]})
    assert found["mta-sts.example.test", "CNAME"].seen == {"view 0": ("192.0.2.9",)}


def test_a_record_that_was_entered_with_the_domain_twice() -> None:
    there = without(("_dmarc.example.test", "TXT"))
    there["_dmarc.example.test.example.test", "TXT"] = [b"v=DMARC1; p=none"]
    (finding,) = look(there).values()
    assert "leave it out of the name" in finding.remedy


@pytest.mark.parametrize(
    ("changed", "problem", "words"),
    [
        ({("192.0.2.1", "PTR"): ["host1.isp.test"]}, ("192.0.2.1", "PTR"), "reverse name"),
        (
            {("192.0.2.1", "PTR"): ["b.test"], ("b.test", "A"): ["192.0.2.1"]},
            ("192.0.2.1", "PTR"),
            "to mail.example.test",
        ),
        ({("192.0.2.1", "PTR"): []}, ("192.0.2.1", "PTR"), "reverse name"),
        ({("192.0.2.1", "PTR"): DnsProblem("lost")}, ("192.0.2.1", "PTR"), "lost"),
        ({(HOST, "CNAME"): ["other.test"]}, (HOST, "CNAME"), "an alias of other.test."),
        ({("example.test", "CAA"): [Caa(0, "issue", b";")]}, ("example.test", "CAA"), "may sign"),
        ({(HOST, "CAA"): DnsProblem("lost")}, (HOST, "CAA"), "lost"),
    ],
)
def test_what_stands_behind_the_records(
    changed: Mapping[tuple[str, str], Known], problem: tuple[str, str], words: str
) -> None:
    found = look(with_(changed))
    assert set(found) == {problem}
    assert words in found[problem].remedy


def test_an_authority_that_is_allowed_higher_up_does_not_count() -> None:
    caa = {("test", "CAA"): [Caa(0, "issue", b";")], (HOST, "CAA"): [Caa(0, "issue", b"ca.test")]}
    assert look(with_(caa)) == {}


def test_no_address_at_all() -> None:
    facts = replace(FULL, addresses=())
    there = without((HOST, "A"), (HOST, "AAAA"))
    found = look(there, facts=facts)
    assert found[HOST, "A"].state is State.MISSING


@pytest.mark.parametrize(
    ("web", "words"),
    [
        (HttpsProblem("no route"), "no route"),
        (Response(404, {}, b""), "404"),
        (Response(200, {}, b"<html>"), "not a policy"),
        (Response(200, {}, SERVED.body.replace(b"testing", b"enforce")), "another policy"),
    ],
)
def test_the_policy_is_not_where_it_should_be(web: Response | HttpsProblem, words: str) -> None:
    (finding,) = look(names(), web=web).values()
    assert words in finding.remedy


@pytest.mark.parametrize(
    ("verdict", "state"),
    [(failed(Failure.TLSA_INVALID, "no record matches"), State.DIFFERENT), (None, State.UNKNOWN)],
)
def test_tlsa_and_certificate(verdict: TlsVerdict | None, state: State) -> None:
    name = f"_25._tcp.{HOST}"
    assert look(names(), probe=verdict)[name, "TLSA"].state is state
    ours = replace(FULL, leaves=())  # also where we would publish none
    assert look(names(), facts=ours, probe=verdict)[name, "TLSA"].state is state


def test_nothing_can_be_asked() -> None:
    lost = {key: DnsProblem("lost") for key in names()}
    found = look(dict(lost))
    assert {one.state for one in found.values()} == {State.UNKNOWN}
