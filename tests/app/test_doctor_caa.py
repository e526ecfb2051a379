"""The doctor compares CAA records with our own account at a real directory, of a test's."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from mailclad.app.config import Config
from mailclad.app.doctor_caa import look_at_caa
from mailclad.app.open import opened
from mailclad.app.settings.acme import AcmeConfig
from mailclad.app.settings.listen import ListenConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.base.resolver import Caa
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.services.diagnose.found import Found
from mailclad.store.acme_accounts import AcmeAccount
from tests.acme.authority import TestAuthority
from tests.dns.fake import FakeResolver

HOST = "mail.example.test"
OURS = "https://ca.test/acct/1"


def look(folder: Path, value: str) -> Sequence[Found]:
    async def run() -> Sequence[Found]:
        async with TestAuthority() as authority, opened(folder / "data") as things:
            name = authority.configured().directory
            await things.store.keep_acme_account(AcmeAccount(name, Secret(b"key"), OURS))
            config = Config(
                server=ServerConfig(hostname=HOST, data=folder / "data"),
                acme=AcmeConfig(authorities=(name, "https://localhost:1/nobody")),
                listen=(ListenConfig(service=Service.HTTP, tls=TlsMode.NONE, port=80),),
            )
            resolver = FakeResolver({("example.test", "CAA"): [Caa(0, "issue", value.encode())]})
            https = authority.https(folder)
            return await look_at_caa(config, things.store, ["*.example.test"], resolver, https)

    return asyncio.run(run())


def test_our_account_may_order(tmp_path: Path) -> None:
    assert look(tmp_path, f"ca.test; accounturi={OURS}; validationmethods=http-01") == []


def test_another_account_is_named(tmp_path: Path) -> None:
    (found,) = look(tmp_path, "ca.test; accounturi=https://ca.test/acct/2")
    assert found.values["record"] == f'example.test. IN CAA 0 issue "ca.test; accounturi={OURS}"'


def test_a_way_is_demanded_that_we_have_not(tmp_path: Path) -> None:
    (found,) = look(tmp_path, "ca.test; validationmethods=dns-01")
    assert "proves names by http-01" in found.values["why"]
