"""What we say we can do, by state: the one table (RFC 9051 §7.2.2).

LITERAL- before login and LITERAL+ after it: only who has logged in may send long literals
unasked (RFC 7888).  Without TLS there is LOGINDISABLED and no AUTH=.
"""

from enum import Enum
from functools import lru_cache


class When(Enum):
    ALWAYS = "always"
    BEFORE_LOGIN = "before login"
    AFTER_LOGIN = "after login"


_TABLE = (
    ("IMAP4rev1", When.ALWAYS),
    ("IMAP4rev2", When.ALWAYS),
    ("SASL-IR", When.BEFORE_LOGIN),
    ("LITERAL-", When.BEFORE_LOGIN),
    ("LITERAL+", When.AFTER_LOGIN),
    ("ID", When.ALWAYS),
    ("ENABLE", When.ALWAYS),
    ("IDLE", When.ALWAYS),
    ("NAMESPACE", When.AFTER_LOGIN),
    ("UIDPLUS", When.AFTER_LOGIN),
    ("UNSELECT", When.AFTER_LOGIN),
    ("MOVE", When.AFTER_LOGIN),
    ("ESEARCH", When.AFTER_LOGIN),
    ("SEARCHRES", When.AFTER_LOGIN),
    ("CHILDREN", When.AFTER_LOGIN),
    ("LIST-EXTENDED", When.AFTER_LOGIN),
    ("LIST-STATUS", When.AFTER_LOGIN),
    ("SPECIAL-USE", When.AFTER_LOGIN),
    ("CREATE-SPECIAL-USE", When.AFTER_LOGIN),
    ("STATUS=SIZE", When.AFTER_LOGIN),
    ("BINARY", When.AFTER_LOGIN),
    ("MULTIAPPEND", When.AFTER_LOGIN),
)

ENABLED_BY_NAME = frozenset({"IMAP4REV2"})
"""What ENABLE turns on (RFC 9051 §6.3.1); all else it is given is ignored."""


@lru_cache(maxsize=16)
def before_login(mechanisms: tuple[str, ...], *, private: bool, starttls: bool) -> tuple[str, ...]:
    """``private``: inside TLS; ``starttls``: a certificate is there to start it with."""
    names = _names(When.BEFORE_LOGIN)
    if private:
        return (*names, *(f"AUTH={mechanism}" for mechanism in mechanisms))
    return (*names, "LOGINDISABLED", *(("STARTTLS",) if starttls else ()))


@lru_cache(maxsize=16)
def after_login(append_octets: int) -> tuple[str, ...]:
    """``append_octets``: the largest message that APPEND takes (RFC 7889)."""
    return (*_names(When.AFTER_LOGIN), f"APPENDLIMIT={append_octets}")


def _names(when: When) -> tuple[str, ...]:
    return tuple(name for name, row_when in _TABLE if row_when in {When.ALWAYS, when})
