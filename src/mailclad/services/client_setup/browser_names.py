"""What a browser says it is, in a person's words, and which system it runs on.

Comes in: a User-Agent field, which may say anything.  Goes out: names of ours only.
"""

from collections.abc import Sequence

_SYSTEMS: Sequence[tuple[str, str]] = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)
"""The first that is in it: telephones name their relatives, too."""

_BROWSERS: Sequence[tuple[str, str]] = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)


def system_of(user_agent: str) -> str:
    """ "" where it cannot be told."""
    return next((name for mark, name in _SYSTEMS if mark in user_agent), "")


def browser_name(user_agent: str) -> str:
    """ "Firefox on Linux"."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "A browser")
    system = system_of(user_agent)
    return f"{browser} on {system}" if system else browser
