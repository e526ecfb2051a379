"""What the DNS says of our names decides what is ordered, and whether anything is."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from mailclad.app.config import ConfigProblem, parse_config
from mailclad.app.renewing import NO_WAY, DnsWorld, check_acme_files
from mailclad.base.resolver import DnsProblem, Tlsa
from mailclad.services.certificates.acme.challenge import ChallengeKind
from mailclad.services.certificates.here import NO_ADDRESS
from mailclad.services.certificates.renewal import Survey
from mailclad.store.errors import DomainExists
from tests.dns.fake import FakeResolver, Known
from tests.engines.stores import opened

HOST = "mail.example.org"
CONFIG = f'[server]\nhostname = "{HOST}"\n[acme]\nnames = ["imap.example.org"]\n'
HERE: Mapping[tuple[str, str], Known] = {
    (HOST, "A"): ["192.0.2.1"],
    ("mta-sts.example.org", "CNAME"): [HOST],
}
WEB = (ChallengeKind.HTTP,)


def survey(
    folder: Path,
    known: Mapping[tuple[str, str], Known],
    proofs: tuple[ChallengeKind, ...] = WEB,
    config: str = CONFIG,
) -> Survey:
    read = parse_config(config, folder / "mailclad.toml")
    assert read.acme is not None
    acme = read.acme

    async def main() -> Survey:
        async with opened(folder) as store:
            with suppress(DomainExists):
                await store.add_domain("example.org")
            return await DnsWorld(read, acme, store, FakeResolver(known), proofs).survey()

    return asyncio.run(main())


def test_names_that_lead_here_are_ordered_and_others_are_told(tmp_path: Path) -> None:
    found = survey(tmp_path, HERE)
    assert found.names == (HOST, "imap.example.org", "mta-sts.example.org")
    assert found.left_out["autoconfig.example.org"] == NO_ADDRESS
    assert "webmail.example.org" not in found.left_out, "which need not lead here"
    assert found.hindrance == ""


def test_names_that_people_type_are_ordered_where_they_lead_here(tmp_path: Path) -> None:
    found = survey(tmp_path, {**HERE, ("example.org", "A"): ["192.0.2.1"]})
    assert found.names == (HOST, "imap.example.org", "mta-sts.example.org", "example.org")


def test_profiles_have_their_own_limit_of_names(tmp_path: Path) -> None:
    assert survey(tmp_path, HERE).most == 100
    profile = CONFIG.replace("[acme]", '[acme]\nprofile = "tlsserver"')
    address = CONFIG.replace("names = [", 'names = ["192.0.2.1", ')
    for config in (profile, address):
        assert survey(tmp_path, HERE, config=config).most == 25


EAB = """
authorities = ["zerossl"]
[[acme.eab]]
authority = "zerossl"
key_id = "a"
key_file = "none.key"
"""


@pytest.mark.parametrize("more", [EAB, 'trust = "none.pem"'])
def test_files_that_are_not_there_are_told_of_before_the_start(tmp_path: Path, more: str) -> None:
    text = f'[server]\nhostname = "{HOST}"\n[acme]\n{more}\n'
    with pytest.raises(ConfigProblem, match="none"):
        check_acme_files(parse_config(text, tmp_path / "mailclad.toml"))


def test_without_an_address_only_the_dns_can_prove(tmp_path: Path) -> None:
    assert "has no address in the DNS" in survey(tmp_path, {}).hindrance
    assert survey(tmp_path, {}, (ChallengeKind.DNS,)).hindrance == ""


def test_without_a_way_to_prove_nothing_is_ordered(tmp_path: Path) -> None:
    assert survey(tmp_path, HERE, ()).hindrance == NO_WAY


def test_where_the_dns_does_not_answer_nothing_is_dropped(tmp_path: Path) -> None:
    found = survey(tmp_path, {(HOST, "A"): DnsProblem("no answer")})
    assert "could not be looked up" in found.hindrance
    assert "mta-sts.example.org" in found.unsure


def test_records_that_the_resolver_sees_count(tmp_path: Path) -> None:
    config = parse_config(CONFIG, tmp_path / "mailclad.toml")
    assert config.acme is not None
    acme, record = config.acme, Tlsa(3, 1, 1, b"digest")

    async def main() -> None:
        async with opened(tmp_path) as store:
            known: dict[tuple[str, str], Known] = {(f"_25._tcp.{HOST}", "TLSA"): [record]}
            seen = await DnsWorld(config, acme, store, FakeResolver(known), WEB).tlsa()
            assert seen is not None
            assert seen.anywhere == seen.everywhere == {record}
            known = {(f"_25._tcp.{HOST}", "TLSA"): DnsProblem("no answer")}
            assert await DnsWorld(config, acme, store, FakeResolver(known), WEB).tlsa() is None

    asyncio.run(main())
