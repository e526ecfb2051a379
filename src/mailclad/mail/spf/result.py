"""What an SPF check ends with (RFC 7208 §2.6; the same words as in RFC 8601 §2.7.2)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class SpfOutcome(StrEnum):
    """``value`` is the word that header fields use."""

    NONE = "none"
    """There is no policy, or no domain whose policy could be asked for."""
    NEUTRAL = "neutral"
    """The domain says nothing about this client."""
    PASS = "pass"  # noqa: S105 - the RFC's word
    """The client may use the domain."""
    FAIL = "fail"
    """The client may not."""
    SOFTFAIL = "softfail"
    """The client probably may not."""
    TEMPERROR = "temperror"
    """DNS did not answer: ask again later."""
    PERMERROR = "permerror"
    """The policy cannot be understood: its owner must change it."""


@dataclass(frozen=True, slots=True)
class SpfResult:
    """``domain`` is the one whose policy was asked for, in A-labels; "" where it is no name.

    ``mechanism`` is the term that matched, as published, or "".  ``explanation`` is the domain's
    own text for a fail: printable ASCII, but a stranger's words (RFC 7208 §6.2).  ``problem``
    says in plain words why there is an error, or no policy.
    """

    outcome: SpfOutcome
    domain: str
    identity: Literal["mailfrom", "helo"]
    mechanism: str = ""
    explanation: str = ""
    problem: str = ""


class SpfProblem(ValueError):
    """The policy cannot be understood (permerror); says why.  Never leaves ``mail.spf``."""
