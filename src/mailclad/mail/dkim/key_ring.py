"""The keys of one message's signatures, fetched by the resolver given (RFC 6376 §3.6.2, §6.1.2).

Each name is asked for once.  Limits: so many questions as the caller says, ``MAX_RECORDS`` of
each answer: a stranger's signatures and records decide how much is asked and tried.
"""

from collections.abc import Sequence

from mailclad.base.resolver import DnsBogus, DnsProblem, Resolver
from mailclad.mail.dkim.outcome import Outcome, Unusable
from mailclad.mail.dkim.record import Key, is_key_record, parse_key
from mailclad.mail.dkim.signature import Signer

MAX_RECORDS = 4
"""There should be one (RFC 6376 §3.6.2.2); two while a key is replaced without care."""


class KeyRing:
    """Lives as long as one message is judged."""

    def __init__(self, resolver: Resolver, service: bytes, questions: int) -> None:
        self._resolver = resolver
        self._service = service
        self._questions = questions
        self._records: dict[str, Sequence[bytes] | Unusable] = {}

    async def find(self, signer: Signer) -> list[Key]:
        """Keys that fit, one or more; raises Unusable."""
        name = signer.key_name
        if name not in self._records:
            self._records[name] = await self._ask(name)
        records = self._records[name]
        if isinstance(records, Unusable):
            raise Unusable(records.outcome, records.problem)
        return _fitting(records, signer.kind, self._service)

    async def _ask(self, name: str) -> Sequence[bytes] | Unusable:
        if not self._questions:
            return Unusable(Outcome.POLICY, "the message wants more keys than are asked for")
        self._questions -= 1
        try:
            answer = await self._resolver.txt(name)
        except DnsBogus:
            return Unusable(
                Outcome.TEMPERROR, f"DNSSEC says that the answer for the key {name} is forged"
            )
        except DnsProblem:
            return Unusable(Outcome.TEMPERROR, f"DNS did not answer for the key {name}")
        records = [record for record in answer.records if is_key_record(record)]
        if not records:
            return Unusable(Outcome.PERMERROR, f"there is no key at {name}")
        return records[:MAX_RECORDS]


def _fitting(records: Sequence[bytes], kind: str, service: bytes) -> list[Key]:
    keys = []
    first: Unusable | None = None
    for record in records:
        try:
            key = parse_key(record, service)
        except Unusable as problem:
            first = first or problem
        else:
            keys.append(key)
    fitting = [key for key in keys if key.kind == kind]
    if fitting:
        return fitting
    raise first or Unusable(Outcome.PERMERROR, "the key is not of the signature's kind (a=)")
