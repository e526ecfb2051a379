"""A finding in words: an entry of the catalogue, filled in for what was seen.

Made by :mod:`catalogue`, shown by the command line and by pages.  Texts hold nothing that a
terminal would obey; a page must still escape them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mailclad.services.diagnose.found import Found, Level

LEVEL_WORDS: Mapping[Level, str] = {
    Level.PROBLEM: "Problem",
    Level.WATCH: "Watch",
    Level.NOTE: "Note",
    Level.CANNOT_CHECK: "Could not check",
    Level.NOT_FOR_YOU: "Not for you",
    Level.OK: "Fine",
}
LEVEL_MARKS: Mapping[Level, str] = {
    Level.PROBLEM: "✕",
    Level.WATCH: "!",
    Level.NOTE: "i",
    Level.CANNOT_CHECK: "?",
    Level.NOT_FOR_YOU: "–",
    Level.OK: "✓",
}
"""Never without the word, for who cannot see the mark."""


@dataclass(frozen=True, slots=True)
class Told:
    """``saw`` facts only; ``means``, ``risk``, ``can_ignore`` and ``do_user`` for who uses the
    mail; ``do_admin`` for who runs the server.

    ``where`` is host and ports, as people say it.  ``paste`` is to be copied as it is (a DNS
    record, a certificate), ``verify`` a command line and ``verify_good`` what it then prints;
    ``fix_here`` names what the doctor can do itself.  Each of them may be empty.
    """

    id: str
    slug: str
    level: Level
    title: str
    where: str
    saw: str
    means: str
    risk: str
    can_ignore: str
    do_user: tuple[str, ...]
    do_admin: tuple[str, ...]
    paste: str
    verify: str
    verify_good: str
    fix_here: str
    found: Found
