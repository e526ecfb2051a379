"""PLAIN: login name and password in one response (RFC 4616).

In: the decoded response.  Out: what the client claims, to be checked by a service.
Limits: the protocol's line; passwords are limited where they are prepared.
"""

from dataclasses import dataclass

from mailclad.base.secret import Secret
from mailclad.protocols.sasl.problem import SaslProblem


@dataclass(frozen=True, slots=True)
class PasswordAttempt:
    """``authzid`` is empty when the client wants to act as itself."""

    authzid: str
    login: str
    password: Secret


def parse_plain(response: bytes) -> PasswordAttempt:
    """``[authzid] NUL authcid NUL passwd``; NUL is nothing but the separator."""
    fields = response.split(b"\0")
    if len(fields) != 3 or not fields[1] or not fields[2]:
        raise SaslProblem("PLAIN is authzid, NUL, login name, NUL, password")
    try:
        return PasswordAttempt(fields[0].decode(), fields[1].decode(), Secret(fields[2]))
    except UnicodeDecodeError:
        raise SaslProblem("the login name is not UTF-8") from None
