"""The storage port's MTA-STS policies: what other domains have promised, kept until it expires.

Each verb is one transaction (RFC 8461 §3.3, §5.1).
"""

from dataclasses import dataclass
from typing import Protocol

from mailclad.mail.mta_sts import StsPolicy
from mailclad.mail.tls_rpt import ResultType


@dataclass(frozen=True, slots=True)
class StsState:
    """What is known of a domain's policy, and how the last attempt to fetch it went.

    ``policy`` was fetched at ``fetched_at``; None: never.  The last attempt was made at
    ``tried_at``, when the record announced ``tried_id``; ``problem`` is None if it went well.
    """

    domain: str
    policy: StsPolicy | None
    fetched_at: int
    tried_id: str
    tried_at: int
    problem: ResultType | None
    reason: str
    used_at: int

    def in_force(self, now: int) -> StsPolicy | None:
        """The policy, if it has not expired."""
        policy = self.policy
        return policy if policy and now < self.fetched_at + policy.max_age else None


class StsPolicies(Protocol):
    async def sts_state(self, domain: str) -> StsState | None: ...
    async def keep_sts_state(self, state: StsState) -> None:
        """In place of what was known of the domain."""
        ...

    async def use_sts_policy(self, domain: str, now: int) -> None:
        """Note that mail went there: policies in use are refreshed."""
        ...

    async def due_sts_states(
        self, tried_before: int, used_after: int, limit: int
    ) -> tuple[StsState, ...]:
        """Those with a policy, the longest untried first."""
        ...

    async def forget_sts_states(self, before: int) -> None:
        """Drop what expired, and was last tried, before this time."""
        ...
