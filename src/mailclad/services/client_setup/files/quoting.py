"""Values as literals of the languages that configuration is written in.

What comes in was typed by strangers (names, addresses, paths): whatever it holds, what goes out
is one literal of that value and nothing else, or NotPossible where the format has none.
"""

import json
import re

from mailclad.services.client_setup.setup_file import NotPossible

_UNQUOTED = re.compile(r"[\w.@+=/:,-]*")
"""What the shell, cron, Docker and systemd all read as itself."""


def double_quoted(text: str) -> str:
    """A string of Python, Go and YAML: they all know ``\\U``."""
    return '"' + "".join(map(_escaped, text)) + '"'


def javascript(text: str) -> str:
    """JSON's string, in ASCII: JavaScript's own for all of Unicode."""
    return json.dumps(text)


def php(text: str) -> str:
    """In single quotes two characters mean something."""
    return "'" + plain(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


def git(text: str) -> str:
    """A value, or the name of a subsection, in git-config(1)'s quotes."""
    escaped = plain(text.replace("\\", "\\\\").replace('"', '\\"'))
    return f'"{escaped}"'


def dotenv(text: str) -> str:
    """A value of a .env file of PHP: what ``$`` begins would be looked up."""
    escaped = plain(text)
    for special in '\\"$':
        escaped = escaped.replace(special, "\\" + special)
    if "`" in escaped:
        raise NotPossible("A .env file cannot hold a ` safely: leave it out of the name")
    return f'"{escaped}"'


def key_file(text: str) -> str:
    """A value of GLib's key files, which drop spaces at its ends."""
    inner = plain(text).replace("\\", "\\\\")
    kept = inner.strip(" ")
    before = len(inner) - len(inner.lstrip(" "))
    return "\\s" * before + kept + "\\s" * (len(inner) - before - len(kept))


def plain(text: str) -> str:
    """For formats that cannot say every character: the text itself, of one line."""
    if not text.isprintable():
        raise NotPossible("The address or the name holds characters that no program can show")
    return text


def unquoted(text: str) -> str:
    """For variables of an environment: whoever reads them quotes in a way of its own."""
    if not _UNQUOTED.fullmatch(text):
        raise NotPossible("Programs differ in how they quote this address: set it in each by hand")
    return text


def _escaped(character: str) -> str:
    if character in '\\"':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"
