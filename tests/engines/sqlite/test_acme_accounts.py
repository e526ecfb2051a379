"""Accounts at ACME authorities in the index."""

from dataclasses import replace
from pathlib import Path

from mailclad.base.secret import Secret
from mailclad.store.acme_accounts import AcmeAccount
from tests.engines.stores import opened, run

ACCOUNT = AcmeAccount("https://ca.example/directory", Secret(b"key"))


def test_an_account_is_kept_for_each_authority_and_changed(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            assert await store.acme_account(ACCOUNT.authority) is None
            await store.keep_acme_account(ACCOUNT)
            answered = replace(ACCOUNT, url="https://ca.example/7", contact=("ann@example.org",))
            await store.keep_acme_account(answered)
            await store.keep_acme_account(replace(ACCOUNT, authority="https://other.example"))

        async with opened(tmp_path) as store:
            kept = await store.acme_account(ACCOUNT.authority)
            assert kept is not None
            assert (kept.key_pem.reveal(), kept.url) == (b"key", answered.url)
            assert kept.contact == ("ann@example.org",)

    run(main())
