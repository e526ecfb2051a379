"""Our ACME client against Pebble, which checks what it is sent as Let's Encrypt does."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from mailclad.app.clock import SystemClock
from mailclad.base.secret import Secret
from mailclad.services.certificates.acme.account import ExternalAccount, new_key
from mailclad.services.certificates.acme.challenge import ChallengeKind, Solver
from mailclad.services.certificates.acme.client import AcmeClient
from mailclad.services.certificates.acme.order import (
    AuthorityFailed,
    Issued,
    OrderFailed,
    Wanted,
)
from tests.acme.authority import Accounts, names_of
from tests.interop.pebble import Pebble

pytestmark = [pytest.mark.interop("pebble", "pebble-challtestsrv"), pytest.mark.slow]

KEY = new_key()
MAC_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
NAMES = ("mail.example.test", "imap.example.test", "autoconfig.example.test")


@pytest.fixture(scope="module")
def pebble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    """It refuses every second good nonce, and forgets who has proved what."""
    folder = tmp_path_factory.mktemp("pebble")
    with Pebble(
        folder, WFE_NONCEREJECT=50, AUTHZREUSE=0, ALTERNATE_ROOTS=2, CHAIN_LENGTH=2
    ) as running:
        yield running


async def hurried(seconds: float) -> None:
    await asyncio.sleep(seconds / 20)


def client(
    pebble: Pebble, *solvers: Solver, accounts: Accounts | None = None, **more: Any
) -> AcmeClient:
    return AcmeClient(
        pebble.configured(**more),
        pebble.https(),
        solvers,
        accounts or Accounts(),
        SystemClock(),
        hurried,
    )


def obtain(pebble: Pebble, *kinds: ChallengeKind, names: tuple[str, ...] = NAMES) -> Issued:
    solvers = [pebble.solver(kind) for kind in kinds]
    return asyncio.run(client(pebble, *solvers).obtain(Wanted(names, KEY)))


@pytest.mark.rfc(8555, "7.4")
@pytest.mark.parametrize("kind", ChallengeKind)
def test_each_kind_of_proof(pebble: Pebble, kind: ChallengeKind) -> None:
    issued = obtain(pebble, kind)
    assert names_of(issued.chain_pem) == set(NAMES)
    assert issued.dropped == {}
    assert len(x509.load_pem_x509_certificates(issued.chain_pem)) == 3


def test_a_wildcard_beside_its_name(pebble: Pebble) -> None:
    names = ("example.test", "*.example.test")
    issued = obtain(pebble, ChallengeKind.HTTP, ChallengeKind.DNS, names=names)
    assert names_of(issued.chain_pem) == set(names)


@pytest.mark.rfc(8738, "3")
def test_an_address(pebble: Pebble) -> None:
    names = ("127.0.0.1", "mail.example.test")
    assert names_of(obtain(pebble, ChallengeKind.HTTP, names=names).chain_pem) == set(names)


def test_a_name_that_leads_elsewhere_is_left_out(pebble: Pebble) -> None:
    pebble.move("old.example.test", "127.0.0.9")
    issued = obtain(pebble, ChallengeKind.HTTP, names=(*NAMES, "old.example.test"))
    assert names_of(issued.chain_pem) == set(NAMES)
    assert "could not connect" in issued.dropped["old.example.test"]
    assert "port 80" in issued.dropped["old.example.test"]


def test_another_kind_of_proof_is_tried(pebble: Pebble) -> None:
    pebble.move("moved.example.test", "127.0.0.9")
    names = (*NAMES, "moved.example.test")
    issued = obtain(pebble, ChallengeKind.HTTP, ChallengeKind.DNS, names=names)
    assert names_of(issued.chain_pem) == set(names)


def test_the_first_name_is_what_it_is_for(pebble: Pebble) -> None:
    pebble.move("gone.example.test", "127.0.0.9")
    with pytest.raises(OrderFailed, match="does not certify gone") as caught:
        obtain(pebble, ChallengeKind.HTTP, names=("gone.example.test", *NAMES))
    assert caught.value.finding == "ACME-431"
    assert not isinstance(caught.value, AuthorityFailed)


def test_the_account_is_found_again(pebble: Pebble) -> None:
    async def work() -> None:
        accounts = Accounts()
        ours = client(pebble, pebble.solver(ChallengeKind.HTTP), accounts=accounts)
        await ours.obtain(Wanted(NAMES, KEY))
        (first,) = accounts.kept.values()
        await ours.obtain(Wanted(NAMES, KEY))
        assert accounts.kept == {first.authority: first}

    asyncio.run(work())


def test_an_account_that_was_forgotten_is_opened_anew(pebble: Pebble) -> None:
    async def work() -> None:
        accounts = Accounts()
        ours = client(pebble, pebble.solver(ChallengeKind.HTTP), accounts=accounts)
        await ours.obtain(Wanted(NAMES, KEY))
        (kept,) = accounts.kept.values()
        unknown = f"{kept.url}0000"
        accounts.kept[kept.authority] = replace(kept, url=unknown)
        await ours.obtain(Wanted(NAMES, KEY))
        assert accounts.kept[kept.authority].url == kept.url

    asyncio.run(work())


@pytest.mark.rfc(8555, "7.4.2")
def test_the_chain_to_the_preferred_root(pebble: Pebble) -> None:
    async def work() -> None:
        solver = pebble.solver(ChallengeKind.HTTP)
        wanted = Wanted(NAMES, KEY)
        found: set[str] = set()
        for at in range(3):
            root = pebble.root_name(at)
            issued = await client(pebble, solver, root=root).obtain(wanted)
            top = x509.load_pem_x509_certificates(issued.chain_pem)[-1]
            assert root in top.issuer.rfc4514_string()
            found.add(root)
        assert len(found) == 3

    asyncio.run(work())


def test_a_profile_that_it_does_not_have(pebble: Pebble) -> None:
    ours = client(pebble, pebble.solver(ChallengeKind.HTTP), profile="tlsserver")
    with pytest.raises(AuthorityFailed, match="has no profile “tlsserver”"):
        asyncio.run(ours.obtain(Wanted(NAMES, KEY)))


@pytest.mark.rfc(8555, "7.3.4")
def test_customers_only(tmp_path: Path) -> None:
    with Pebble(tmp_path, bound={"kid-1": MAC_KEY}) as pebble:
        solver, wanted = pebble.solver(ChallengeKind.HTTP), Wanted(NAMES, KEY)
        with pytest.raises(AuthorityFailed, match="only for its customers") as caught:
            asyncio.run(client(pebble, solver).obtain(wanted))
        assert caught.value.finding == "ACME-434"
        wrong = ExternalAccount("kid-1", Secret(b"b10lLJs8l1GPIzsLP0s6pMt8O0XVGnfTaCeROxQM0BI"))
        with pytest.raises(AuthorityFailed, match="no account was opened"):
            asyncio.run(client(pebble, solver, external_account=wrong).obtain(wanted))
        right = ExternalAccount("kid-1", Secret(MAC_KEY.encode()))
        issued = asyncio.run(client(pebble, solver, external_account=right).obtain(wanted))
        assert names_of(issued.chain_pem) == set(NAMES)
