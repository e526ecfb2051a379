"""A resolver for tests without a network: what it knows is a dict, and it never waits.

    FakeResolver({
        ("example.test", "MX"): [Mx(10, "mx.example.test")],
        ("mx.example.test", "A"): ["192.0.2.1"],
        ("192.0.2.1", "PTR"): ["mx.example.test"],   # by address
        ("www.example.test", "CNAME"): ["example.test"],
        ("slow.test", "TXT"): DnsProblem("no answer"),   # raised
        ("signed.test", "A"): Answer("signed.test", ("192.0.2.2",), secure=True),   # as it is
    })

A name with any record exists; ``asked`` is each question in order.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mailclad.base.resolver import Answer, Caa, DnsProblem, Mx, Srv, Tlsa, ZoneResolver

Known = Sequence[Any] | Answer[Any] | DnsProblem


class FakeResolver(ZoneResolver):
    def __init__(
        self, known: Mapping[tuple[str, str], Known] | None = None, *, secure: bool = False
    ) -> None:
        self._known = dict(known or {})
        self._secure = secure
        self.asked: list[tuple[str, str]] = []

    async def addresses(self, name: str, version: int) -> Answer[str]:
        return self._answer(name, "A" if version == 4 else "AAAA")

    async def mx(self, name: str) -> Answer[Mx]:
        return self._answer(name, "MX")

    async def txt(self, name: str) -> Answer[bytes]:
        return self._answer(name, "TXT")

    async def txt_anew(self, name: str) -> Answer[bytes]:
        return self._answer(name, "TXT")

    async def ptr(self, address: str) -> Answer[str]:
        return self._answer(address, "PTR")

    async def tlsa(self, name: str) -> Answer[Tlsa]:
        return self._answer(name, "TLSA")

    async def ns(self, name: str) -> Answer[str]:
        return self._answer(name, "NS")

    async def cname(self, name: str) -> Answer[str]:
        return self._answer(name, "CNAME")

    async def srv(self, name: str) -> Answer[Srv]:
        return self._answer(name, "SRV")

    async def caa(self, name: str) -> Answer[Caa]:
        return self._answer(name, "CAA")

    def _answer(self, name: str, kind: str) -> Answer[Any]:
        name = name.lower().rstrip(".")
        self.asked.append((name, kind))
        for _ in range(8):
            found = self._known.get((name, kind))
            if isinstance(found, DnsProblem):
                raise found
            if isinstance(found, Answer):
                return found
            alias = self._known.get((name, "CNAME"))
            if found is not None or not isinstance(alias, Sequence):
                exists = any(known == name for known, _ in self._known)
                return Answer(name, tuple(found or ()), self._secure, exists, 300)
            name = str(alias[0])
        raise DnsProblem(f"{name}: CNAMEs in a circle")
