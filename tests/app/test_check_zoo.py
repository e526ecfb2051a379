"""``check`` and the zoo: from what a person types to each fault's own finding, and no other."""

import asyncio
from collections.abc import Iterator, Mapping

import pytest

from mailclad.app.check import Asking, check_target, fetches, world
from mailclad.base.https import HttpsProblem, Request, Response
from mailclad.mail.discovery.srv import SERVICES
from mailclad.services.diagnose.catalogue import entries
from mailclad.services.diagnose.check import Checked
from mailclad.services.diagnose.found import Level
from mailclad.services.diagnose.target import parse_target
from mailclad.testing.zoo import Exhibit, Zoo
from tests.dns.server import StubDns

AT_ONCE = 8


@pytest.fixture(scope="module")
def zoo() -> Iterator[Zoo]:
    with Zoo() as opened:
        yield opened


async def look_at_all(zoo: Zoo) -> Mapping[str, Checked]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(one: Exhibit) -> Checked:
        async with gate:
            target = parse_target(one.endpoint.url)
            return await check_target(target, Asking(authorities=zoo.ca), lambda *_: None)

    return dict(zip(zoo, await asyncio.gather(*map(look, zoo.values())), strict=True))


@pytest.fixture(scope="module")
def checked(zoo: Zoo) -> Mapping[str, Checked]:
    return asyncio.run(look_at_all(zoo))


@pytest.mark.slow
def test_each_fault_has_its_own_finding_and_the_healthy_have_none(
    zoo: Zoo, checked: Mapping[str, Checked]
) -> None:
    found = {name: {told.id for told in one.report.findings} for name, one in checked.items()}
    assert found == {name: set(one.finds) for name, one in zoo.items()}


@pytest.mark.slow
def test_the_verdict_is_no_better_than_the_findings(
    zoo: Zoo, checked: Mapping[str, Checked]
) -> None:
    for name, one in checked.items():
        answered = {answer.level for answer in one.report.answers}
        levels = {told.level for told in one.report.findings}
        if Level.PROBLEM in levels:
            assert one.report.exit_status == 2, name
            assert not one.best, name
            assert "works" not in one.report.verdict.replace("does not work", ""), name
        elif levels <= {Level.NOTE, Level.OK}:
            assert one.report.exit_status == 0, name
            assert Level.PROBLEM not in answered, name
            assert "works and is encrypted" in one.report.verdict, name


@pytest.mark.slow
def test_no_sentence_of_a_report_lacks_a_value(checked: Mapping[str, Checked]) -> None:
    for name, one in checked.items():
        for told in one.report.findings:
            for text in (told.title, told.saw, *told.do_user, *told.do_admin, told.verify):
                assert text, name
                assert "{" not in text, (name, text)
                assert "  " not in text, (name, text)
                assert ": ." not in text, (name, text)


NO_PORT = {
    "DNS": "stands in the DNS, not at a port",
    "ACME": "happens while a certificate is ordered",
    "AUTH": "needs a name and a password",
    "SEND": "happens to a message",
    "CLIENT": "is a mail program's",
    "HOST": "is found on one's own machine",
}
"""Families without an exhibit, and why."""

NO_EXHIBIT = {
    "CONN-101": "a name without an address; every name here has one",
    "CONN-105": "needs a host with an IPv4 and an IPv6 address",
    "CONN-106": "the network's doing, at port 25 of others",
    "CONN-107": "needs a host with two addresses",
    "CONN-109": "a name server that does not answer",
    "CONN-110": "this computer's own network",
    "MODE-206": "is told of one's own server only",
    "CERT-308": "a file on one's own disk",
    "CERT-309": "needs two ports of one host: ends-soon and ok together",
    "CERT-313": "a file on one's own disk",
}


def test_every_finding_that_a_port_can_have_has_its_exhibit(zoo: Zoo) -> None:
    shown = {entry for one in zoo.values() for entry in one.finds}
    without = {one.id for one in entries().values() if one.family not in NO_PORT} - shown
    assert without == set(NO_EXHIBIT)
    assert not shown & {one.id for one in entries().values() if one.family in NO_PORT}


@pytest.mark.slow
def test_a_certificate_that_was_forgotten_on_one_port(zoo: Zoo) -> None:
    """A domain's SRV records lead to two ports of one host; each alone looks well enough."""
    zones = {
        f"{service.label}._tcp.zoo.test": {"SRV": [f"0 1 {zoo[name].port} localhost."]}
        for service, name in zip(SERVICES[:1] + SERVICES[4:5], ("ends-soon", "ok"), strict=True)
    }

    async def look() -> Checked:
        async with StubDns(zones) as dns:
            asking = Asking((dns.address,), zoo.ca)
            return await check_target(parse_target("ada@zoo.test"), asking, lambda *_: None)

    told = {one.id for one in asyncio.run(look()).report.findings}
    assert "CERT-309" in told
    assert "CERT-307" not in told


@pytest.mark.parametrize(
    ("target", "is_fetched"), [("imaps://localhost", True), ("imaps://mail.example.net", False)]
)
def test_only_a_server_of_this_computer_leads_us_to_this_computer(
    zoo: Zoo, target: str, is_fetched: bool
) -> None:
    """A stranger's certificate could otherwise make us ask what listens on our loop-back."""
    url = next(one for one in zoo.certificates.published if one.endswith("/inter.cer"))

    async def fetch() -> Response:
        async with world(Asking(authorities=zoo.ca), fetches(parse_target(target))) as here:
            return await here.public.fetch(Request(url, octets=10_000, seconds=5, plain=True))

    if is_fetched:
        assert asyncio.run(fetch()).body == zoo.certificates.published[url]
    else:
        with pytest.raises(HttpsProblem):
            asyncio.run(fetch())
