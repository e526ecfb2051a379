"""Questions to the DNS whose failure is a fact like any other."""

from collections.abc import Awaitable
from typing import TypeVar

from mailclad.base.resolver import Answer, DnsBogus, DnsProblem
from mailclad.services.diagnose.facts import Asked

T = TypeVar("T")


async def ask(name: str, question: Awaitable[Answer[T]]) -> Asked[T]:
    """``name`` is what was asked for; never raises DnsProblem."""
    try:
        found = await question
    except DnsProblem as problem:
        return Asked(name, problem=str(problem), bogus=isinstance(problem, DnsBogus))
    return Asked(found.name, tuple(found.records), found.secure, found.exists, found.ttl)
