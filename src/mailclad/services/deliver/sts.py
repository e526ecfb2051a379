"""Where the sender of mail gets a domain's MTA-STS policy from (RFC 8461 §3, §5)."""

from dataclasses import dataclass
from typing import Protocol

from mailclad.mail.mta_sts import StsPolicy
from mailclad.mail.tls_rpt import ResultType


@dataclass(frozen=True, slots=True)
class StsFound:
    """The policy in force: fresh, or cached and not expired; None where there is none.

    ``problem`` is what went wrong on the way to it, whether or not an older policy still holds.
    """

    policy: StsPolicy | None
    problem: ResultType | None = None
    reason: str = ""


NO_POLICY = StsFound(None)


class StsSource(Protocol):
    async def find(self, domain: str, *, last: bool = False) -> StsFound:
        """Never raises; takes at most a minute, next to nothing where the answer is cached.

        ``last``: mail may fail for good by what is found, so the DNS is asked anew (§5.1).
        """
        ...
