"""The name a message has here: in Received, in the log, in the reply (RFC 5321 §4.4 "ID")."""

import random
import secrets
from collections.abc import Callable

_BITS = 64


def identities() -> Callable[[], str]:
    """A source of names that no other message has; make one in each process.

    Names are not secret: only the seed comes from the system, because asking it for each
    message costs a system call and a wait for the interpreter's lock.
    """
    drawn = random.Random(secrets.randbits(256))  # noqa: S311 - see above
    return lambda: f"{drawn.getrandbits(_BITS):016x}"
