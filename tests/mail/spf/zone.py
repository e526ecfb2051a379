"""``FakeResolver``, which answers from a table, and a way to run a check to its end."""

from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, TypeVar

from mailclad.base.resolver import Answer, DnsProblem, Mx, Tlsa

T = TypeVar("T")
Zone = Mapping[str, Sequence[tuple[str, Any]]]
"""Name in lower case → (type, value); the type TIMEOUT answers all types that are not there."""


class FakeResolver:
    """Keeps what it was asked in ``asked``."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.asked: list[tuple[str, str]] = []

    async def addresses(self, name: str, version: int) -> Answer[str]:
        return self._answer(name, "A" if version == 4 else "AAAA")

    async def mx(self, name: str) -> Answer[Mx]:
        return self._answer(name, "MX")

    async def txt(self, name: str) -> Answer[bytes]:
        return self._answer(name, "TXT")

    async def ptr(self, address: str) -> Answer[str]:
        return self._answer(ip_address(address).reverse_pointer, "PTR")

    async def tlsa(self, name: str) -> Answer[Tlsa]:
        return self._answer(name, "TLSA")

    def _answer(self, name: str, kind: str) -> Answer[Any]:
        assert name == name.lower()
        assert name.isascii()
        assert name.isprintable()
        assert "." in name
        assert "\\" not in name
        assert all(0 < len(label) < 64 for label in name.split("."))
        assert len(name) <= 253
        self.asked.append((name, kind))
        for _ in range(8):
            there = self.zone.get(name)
            if there is None:
                return Answer(name, (), exists=False)
            alias = next((value for found, value in there if found == "CNAME"), None)
            if alias is None:
                return self._records(name, kind, there)
            name = alias
        raise DnsProblem("a loop of aliases")

    def _records(self, name: str, kind: str, there: Sequence[tuple[str, Any]]) -> Answer[Any]:
        records = tuple(value for found, value in there if found == kind)
        if not records and any(found == "TIMEOUT" for found, _ in there):
            raise DnsProblem("nobody answered")
        return Answer(name, records)


def run(work: Awaitable[T]) -> T:
    """Runs what never waits, because its resolver never does."""
    assert isinstance(work, Coroutine)
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waits for something")
