"""What one client may ask of an SMTP connection; every number has its reason beside it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The defaults are for strangers on port 25; an LMTP listener may be more patient."""

    line: int = 2_048
    """Octets of a command: 512 (RFC 5321 §4.5.3.1.4) and what SIZE, SMTPUTF8, DSN, AUTH= add."""

    auth_line: int = 12_288
    """Octets of an AUTH command or response (RFC 4954 §4)."""

    endless: int = 65_536
    """Octets of a line that is too long; who goes on beyond sends no lines and is cut off."""

    message: int = 50 * 1024 * 1024
    """Octets of a message; as Gmail's receiving side.  Said in SIZE."""

    recipients: int = 1_000
    """For one message; RFC 5321 §4.5.3.1.8 demands 100, Postfix takes 1,000.  Said in LIMITS."""

    transactions: int = 1_000
    """Messages on one connection, so that none lasts for ever.  Said in LIMITS."""

    errors: int = 20
    """Refusals since the last accepted message; Postfix's hard limit is 20 as well."""

    unknown: int = 3
    """Words that are no command: a person at a terminal errs twice, a confused program goes on."""

    failed_logins: int = 5
    """RFC 4954 §4 asks for three tries at least."""
