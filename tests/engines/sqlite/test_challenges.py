"""Answers to challenges: any process gives them, for as long as they hold."""

import asyncio
from pathlib import Path

from mailclad.engines.sqlite.store import SqliteStore


def test_another_process_answers_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        one, other = SqliteStore.open(tmp_path), SqliteStore.open(tmp_path)
        await one.put_challenge("http-01", "token", "token.thumb", 200)
        assert other.challenge("http-01", "token", 199) == "token.thumb"
        assert other.challenge("http-01", "token", 200) is None
        assert other.challenge("tls-alpn-01", "token", 199) is None
        assert other.challenge("http-01", "Token", 199) is None
        await other.put_challenge("http-01", "token", "another", 300)
        assert one.challenge("http-01", "token", 200) == "another"
        await one.take_challenge("http-01", "token")
        await one.take_challenge("http-01", "token")
        assert other.challenge("http-01", "token", 199) is None
        await one.close()
        await other.close()

    asyncio.run(run())


def test_what_nobody_took_is_found_when_its_time_is_over(tmp_path: Path) -> None:
    async def run() -> None:
        store = SqliteStore.open(tmp_path)
        await store.put_challenge("dns-01", "late", "_acme-challenge.a.test x", 100)
        await store.put_challenge("dns-01", "later", "_acme-challenge.b.test y", 101)
        await store.put_challenge("http-01", "other", "z", 50)
        assert await store.past_challenges("dns-01", 99) == ()
        found = await store.past_challenges("dns-01", 100)
        assert found == (("late", "_acme-challenge.a.test x"),)
        await store.close()

    asyncio.run(run())
