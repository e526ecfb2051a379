"""TXT records of dns-01 by Python functions of the administrator's (``@hooks.dns_challenge``).

Comes in: hooks, which are trusted, not to be without faults.  Goes out: ``SolverProblem`` with the
words of one that failed; the log gets its traceback.  Limit: seconds for each call.
"""

import asyncio
from dataclasses import dataclass

import structlog

from mailclad.services.certificates.acme.challenge import SolverProblem
from mailclad.services.receive.hooks import DnsHook

SECONDS = 60.0
"""For one call; a provider's API answers in some."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HookRecords:
    """Writes by each of them, one after the other."""

    hooks: tuple[DnsHook, ...]
    seconds: float = SECONDS

    async def present(self, name: str, value: str) -> None:
        await self._call("present", name, value)

    async def withdraw(self, name: str, value: str) -> None:
        await self._call("withdraw", name, value)

    async def _call(self, action: str, name: str, value: str) -> None:
        for hook in self.hooks:
            called = f"the hook {hook.__qualname__}, {action} {name},"
            limit = asyncio.timeout(self.seconds)
            try:
                async with limit:
                    await hook(action, name, value)
            except Exception as problem:
                if limit.expired():
                    text = f"{called} took more than {self.seconds:g} seconds"
                    raise SolverProblem(text) from problem
                _log.exception("hook failed", hook=hook.__qualname__)
                words = f"{type(problem).__name__}: {problem}"
                raise SolverProblem(f"{called} failed: {words}") from problem
