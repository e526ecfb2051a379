"""DKIM keys in the index."""

from dataclasses import replace
from pathlib import Path

import pytest

from mailclad.base.secret import Secret
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.store.errors import DomainNotFound, SelectorTaken, SigningKeyNotFound
from mailclad.store.signing_keys import KeyState, StoredKey
from tests.engines.stores import opened, run

KEY = StoredKey("example.org", "m1r", "rsa", Secret(b"pem"), KeyState.PREPARED, 100)


def facts(keys: tuple[StoredKey, ...]) -> list[tuple[str, str, bytes, KeyState]]:
    return [(key.domain, key.selector, key.pem.reveal(), key.state) for key in keys]


def test_keys_are_kept_changed_and_removed(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            for domain in ("example.org", "other.example"):
                await store.add_domain(domain)
            await store.add_signing_key(replace(KEY, selector="m2e", created_at=200))
            await store.add_signing_key(KEY)
            await store.add_signing_key(replace(KEY, domain="other.example"))
            await store.set_key_state("example.org", "m1r", KeyState.ACTIVE)
            await store.remove_signing_key("other.example", "m1r")

        async with opened(tmp_path) as store:
            assert facts(await store.signing_keys("example.org")) == [
                ("example.org", "m1r", b"pem", KeyState.ACTIVE),
                ("example.org", "m2e", b"pem", KeyState.PREPARED),
            ]
            assert len(await store.signing_keys()) == 2
            assert await store.signing_keys("other.example") == ()

    run(main())


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add_domain("example.org")
            await store.add_signing_key(KEY)
            with pytest.raises(SelectorTaken):
                await store.add_signing_key(KEY)
            with pytest.raises(DomainNotFound):
                await store.add_signing_key(replace(KEY, domain="far.example"))
            await _refuses(store)

    run(main())


async def _refuses(store: SqliteStore) -> None:
    with pytest.raises(SigningKeyNotFound):
        await store.set_key_state("example.org", "m9r", KeyState.ACTIVE)
    with pytest.raises(SigningKeyNotFound):
        await store.remove_signing_key("example.org", "m9r")


def test_keys_go_with_their_domain(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add_domain("example.org")
            await store.add_signing_key(KEY)
            await store.remove_domain("example.org")
            assert await store.signing_keys() == ()

    run(main())
