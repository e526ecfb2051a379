"""Times, sizes and strangers' texts, as people read them on a terminal."""

import textwrap
import time
import unicodedata

WIDTH = 80
"""Of what people read; only what is to be copied as it is may be wider."""

_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_SIZES = ("kB", "MB", "GB", "TB")
_THOUSAND = 1000

SHOWN_CHARACTERS = 200
"""Of a stranger's text; what fits beside other words."""


def span(seconds: int) -> str:
    """In the largest unit that makes at least two, so that 90 minutes are not "1 h"."""
    for size, unit in _STEPS:
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def from_now(at: int, now: int) -> str:
    return f"in {span(at - now)}" if at > now else "now"


def ago(at: int, now: int) -> str:
    return f"{span(now - at)} ago"


def moment(at: int) -> str:
    """In the machine's own time zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def size(octets: int) -> str:
    if octets < _THOUSAND:
        return f"{octets} octets"
    amount, unit = octets / _THOUSAND, 0
    while amount >= _THOUSAND and unit < len(_SIZES) - 1:
        amount, unit = amount / _THOUSAND, unit + 1
    return f"{amount:.1f} {_SIZES[unit]}"


def count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def plain(text: str) -> str:
    """Safe to show: what a terminal would obey, or not show, stands there as an escape."""
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in text])


def cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def shown(text: str, most: int = SHOWN_CHARACTERS) -> str:
    """Safe to show, and not longer than other words bear."""
    return plain(cut(text, most))


def columns(text: str) -> int:
    """How many it takes on a terminal: Chinese letters take two, accents of their own none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def wrapped(
    text: str, indent: str = "", *, hanging: str | None = None, width: int = WIDTH
) -> list[str]:
    """Broken between words, so that paths and commands that fit stay whole."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_on_hyphens=False,
    )


def about(name: str, why: str) -> str:
    """What is said of a name, which is not named twice."""
    return why if why.startswith(f"{name} ") else f"{name}: {why}"
