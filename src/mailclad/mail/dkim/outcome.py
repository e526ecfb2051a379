"""What became of a signature: RFC 8601 §2.7.1's words, and the facts beside them.

Which word for what: ``neutral`` where a signature cannot be read or asks for what nobody here
knows (a version, an algorithm); ``permerror`` where it breaks a rule or its key is absent,
revoked or of the wrong kind; ``policy`` where it may be right but is not accepted (short key,
expired, a second From); ``fail`` where the message is not what was signed; ``temperror`` where
DNS did not answer.  Only ``pass`` says anything good about a message (RFC 6376 §6.3).
"""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    NONE = "none"
    PASS = "pass"  # noqa: S105 -- the result's name, not a password
    FAIL = "fail"
    POLICY = "policy"
    NEUTRAL = "neutral"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class DkimResult:
    """One signature.  Text comes from the message, but never has controls or line ends in it.

    ``domain`` (in A-labels) and ``selector`` are "" where they could not be read; ``identity`` is
    ``i=`` as it stands, quoted-printable.  ``testing``: the key says ``t=y``, so nobody may be
    treated worse for it.  ``whole`` is False where ``l=`` left the body's end unsigned.  ``added``
    are fields that the signature covers fewer of than there are.  ``signature`` is the beginning
    of ``b=``, to tell signatures apart (RFC 6008).
    """

    outcome: Outcome
    problem: str = ""
    domain: str = ""
    selector: str = ""
    identity: str = ""
    algorithm: str = ""
    key_bits: int = 0
    testing: bool = False
    whole: bool = True
    added: tuple[str, ...] = ()
    signature: str = ""


class Unusable(Exception):
    """A signature or key does not do: how that is called, and why in plain words."""

    def __init__(self, outcome: Outcome, problem: str) -> None:
        super().__init__(problem)
        self.outcome = outcome
        self.problem = problem
