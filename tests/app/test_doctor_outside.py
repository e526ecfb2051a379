"""The doctor's look from outside: a stub of the DNS, our own server, nothing else."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailclad.app.config import Config, load_config
from mailclad.app.doctor import Patient, Wishes, examine
from mailclad.app.doctor_machine import look_at_machine
from mailclad.app.doctor_outside import MOST_DOMAINS, through_the_router, way_out, why_not
from mailclad.app.domain_facts import served_chains
from mailclad.app.open import opened
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.report import Report
from tests.app.served import Served
from tests.app.test_doctor import is_proven, write_pair
from tests.dns.fake import FakeResolver
from tests.dns.server import Records, StubDns
from tests.faults.serving import wait_until

HOST = "mail.example.test"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path, workers=1)
    made.prepare()
    write_pair(tmp_path, [HOST])
    (tmp_path / "key.pem").chmod(0o600)
    made.file.write_text(made.file.read_text().replace('"localhost"', f'"{HOST}"'))
    asyncio.run(make_keys(made))
    yield made
    made.end()


async def make_keys(served: Served) -> None:
    """As the server does some time after its start."""
    async with opened(served.folder / "data") as things:
        await things.keys.ensure("example.test")


def zones(served: Served) -> Records:
    return {
        "example.test": {
            "MX": [f"10 {HOST}."],
            "NS": ["ns.example.test."],
            "TXT": ['"v=spf1 mx -all"'],
        },
        HOST: {"A": ["127.0.0.1"]},
        "_imaps._tcp.example.test": {"SRV": [f"0 1 {served.imaps} {HOST}."]},
        "_dmarc.example.test": {"TXT": ['"v=DMARC1; p=reject"']},
    }


def look(served: Served, records: Records) -> Report:
    async def run() -> Report:
        async with StubDns(records) as dns:
            host, port = dns.address
            with served.file.open("a") as file:
                file.write(f'[dns]\nservers = ["{host}:{port}"]\n')
            config = load_config(served.file)
            patient = Patient(
                config,
                replace(look_at_machine(config, served.file), older=""),
                served_chains(config),
            )
            wishes = Wishes(trust=served.folder / "authority" / "ca.pem")
            return await examine(patient, wishes, lambda *_: None)

    return asyncio.run(run())


@pytest.mark.slow
def test_what_others_see_is_told_beside(served: Served) -> None:
    served.start()
    wait_until(lambda: is_proven(served), "nothing is proven")
    report = look(served, zones(served))
    found = {told.id: told for told in report.findings}
    assert "CONN-102" in found, "port 25, to which the MX leads, is not served"
    assert found["CONN-102"].where == f"{HOST} (ports 25, 465 and 587)"
    assert "m2" in found["DNS-414"].saw, "our own keys are not published"
    assert not {"HOST-810", "DNS-413", "DNS-415", "CERT-305", "CERT-302"} & set(found)
    assert report.answers[-1].question == "Does the world find it?"
    assert report.seen_from == "this server, from inside and outside"


@pytest.mark.slow
def test_records_that_only_we_miss(served: Served) -> None:
    records: dict[str, Any] = dict(zones(served))
    records["example.test"] = records["example.test"] | {"MX": ["10 mx.elsewhere.test."]}
    del records["_dmarc.example.test"]
    served.start()
    report = look(served, records)
    found = {told.id: told for told in report.findings}
    assert "DNS-411" in found
    assert "DNS-415" in found
    assert sorted(told.id for told in report.findings) == sorted(found), "each once"


@pytest.mark.slow
def test_not_more_domains_are_looked_at_than_fit_the_time(served: Served) -> None:
    async def add() -> None:
        async with opened(served.folder / "data") as things:
            for number in range(MOST_DOMAINS + 1):
                await things.provision.add_domain(f"a{number}.test")

    asyncio.run(add())
    report = look(served, {})
    told = [one.saw for one in report.findings if one.id == "HOST-810"]
    assert told == ["2 more domains were not looked at."]


@pytest.mark.slow
def test_what_is_not_known_in_time_is_told_as_that(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WHOLE_SECONDS", "LEAST_SECONDS"):
        monkeypatch.setattr(f"mailclad.app.doctor.{name}", 0.05)
    served.start()
    told = [one.saw for one in look(served, zones(served)).findings if one.id == "HOST-810"]
    assert any(text.startswith("Not all was known of example.test within") for text in told)


ELSEWHERE, HERE = "192.0.2.1", "127.0.0.1"
IMAPS = Endpoint(MailProtocol.IMAP, HOST, 993, TlsMode.IMPLICIT)


@pytest.mark.parametrize(
    ("entry", "host", "address", "told"),
    [
        ("CONN-103", HOST, ELSEWHERE, "HOST-810"),
        ("CONN-102", HOST, ELSEWHERE, "HOST-810"),
        ("CONN-102", HOST, HERE, "CONN-102"),
        ("CONN-103", "mx.other.test", ELSEWHERE, "CONN-103"),
        ("CERT-301", HOST, ELSEWHERE, "CERT-301"),
    ],
)
def test_behind_a_router_silence_is_no_fault(
    entry: str, host: str, address: str, told: str
) -> None:
    (found,) = through_the_router([Found(entry, "C43", host, address, IMAPS)], HOST)
    assert found.id == told


@pytest.mark.parametrize(
    ("host", "fits"),
    [
        ("localhost", False),
        ("mail.localhost", False),
        ("box.lan", False),
        ("mail.example.test", True),
    ],
)
def test_names_that_only_we_know_are_not_looked_for(host: str, fits: bool) -> None:
    config = Config(server=_server(host))
    assert (why_not(config) == "") is fits


def _server(host: str) -> Any:
    from mailclad.app.settings.server import ServerConfig  # noqa: PLC0415

    return ServerConfig(hostname=host)


def test_the_way_out_is_told_only_where_somebody_was_found() -> None:
    (found,) = asyncio.run(way_out(FakeResolver({})))
    assert found.id == "HOST-810"


def test_a_way_out_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailclad.app.doctor_outside.LARGE_PROVIDERS", ("mx.large.test",))
    resolver = FakeResolver({("mx.large.test", "A"): ["127.0.0.1"]})
    (found,) = asyncio.run(way_out(resolver))
    assert (found.id, found.values["tried"]) == ("CONN-106", "mx.large.test")
