"""From what was typed as a login name to the key in the directory.

The login name is the full address, in any case; a bare local part will do where there is
exactly one domain.  A name that can belong to nobody still becomes a key, one that no
account has, so that what follows is the same work for it.
"""

from functools import lru_cache

from mailclad.mail.address import AddressProblem, parse_address
from mailclad.store.interface import Directory

LOGIN_OCTETS = 320
"""No address is longer (RFC 5321 §4.5.3.1); RFC 4616 §2 asks for 255."""

NOBODY = ""
"""The key of names that no account can have."""


KEYS_REMEMBERED = 4_096
"""About 1 MB; the same people log in again and again."""


async def directory_key(directory: Directory, login: str) -> str:
    if len(login) > LOGIN_OCTETS:
        return NOBODY
    if "@" not in login:
        domains = await directory.domains()
        if len(domains) != 1:
            return NOBODY
        login = f"{login}@{domains[0]}"
    return _key(login)


@lru_cache(KEYS_REMEMBERED)
def _key(login: str) -> str:
    if not login.isprintable():  # controls, lone surrogates
        return NOBODY
    try:
        return parse_address(login).normalised
    except AddressProblem:
        return NOBODY
