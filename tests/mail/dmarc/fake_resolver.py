"""DNS in a dictionary: names that are not in it do not exist."""

from dataclasses import dataclass, field

from mailclad.base.resolver import Answer, DnsProblem, Mx, Tlsa


@dataclass
class FakeResolver:
    """``texts``: name → TXT records; ``existing``: names without them; ``broken``: SERVFAIL."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    existing: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def _look(self, name: str) -> bool:
        self.asked.append(name)
        if name in self.broken:
            raise DnsProblem(name)
        return name in self.existing or name in self.texts

    async def txt(self, name: str) -> Answer[bytes]:
        exists = self._look(name)
        texts = [text.encode() for text in self.texts.get(name, [])]
        return Answer(name, tuple(texts), exists=exists)

    async def mx(self, name: str) -> Answer[Mx]:
        return Answer(name, (), exists=self._look(name))

    async def addresses(self, name: str, version: int) -> Answer[str]:
        raise NotImplementedError

    async def ptr(self, address: str) -> Answer[str]:
        raise NotImplementedError

    async def tlsa(self, name: str) -> Answer[Tlsa]:
        raise NotImplementedError
