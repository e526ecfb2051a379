"""Commands run as people and programs run them, and the store behind them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from click.testing import CliRunner, Result

from mailclad.cli.commands import mailclad
from mailclad.engines.sqlite.store import SqliteStore
from tests.engines.stores import opened

ADA = "ada@example.org"
T = TypeVar("T")


class Cli:
    """``mailclad`` with a configuration of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "mailclad.toml"

    def __call__(self, *words: str, given: str | None = None, status: int = 0) -> str:
        done = self.run(*words, given=given)
        assert done.exit_code == status, (words, done.output, done.exception)
        return done.output

    def run(self, *words: str, given: str | None = None) -> Result:
        environment = {"MAILCLAD_CONFIG": str(self.file)}
        return CliRunner().invoke(mailclad, words, input=given, env=environment)

    def json(self, *words: str, given: str | None = None) -> Any:
        return json.loads(self(*words, "--json", given=given))

    def lines(self, *words: str) -> list[Any]:
        return [json.loads(line) for line in self(*words, "--json").splitlines()]

    def on_store(self, act: Callable[[SqliteStore], Awaitable[T]]) -> T:
        """Do something with the store in the data directory."""

        async def run() -> T:
            async with opened(self.folder / "data") as store:
                return await act(store)

        (self.folder / "data").mkdir(exist_ok=True)
        return asyncio.run(run())
