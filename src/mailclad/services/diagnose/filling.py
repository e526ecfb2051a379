"""Strangers' values, made fit to be read inside a sentence or a command line.

Comes in: values as a rule found them.  Goes out: text without control characters and without
changes of direction, cut to named limits; moments as dates; words of a command line quoted.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailclad.services.diagnose.entry import placeholders

VALUE_CHARACTERS = 300
"""Of one value: a certificate may have thousands of names, a greeting has 512 octets."""
PASTED_CHARACTERS = 16_384
"""Of what is to be copied whole: a certificate as text has 2 to 4 thousand."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)")
_HOURS_UNTIL = timedelta(days=2)
"""A certificate with less than this is counted in hours."""


@dataclass(frozen=True, slots=True)
class Filling:
    """``values`` by name, as they came; ``now`` is what "3 days" is counted from."""

    values: Mapping[str, str]
    now: datetime

    def sentence(self, text: str) -> str:
        """The sentence, or nothing where one of its values is empty.

        A value that ends as a sentence does ends it.
        """
        parts: list[str] = []
        for before, name, spec in placeholders(text):
            ended = bool(parts) and parts[-1].endswith((".", "?"))
            parts.append(before.removeprefix(".") if ended else before)
            if name:
                value = self._value(name, spec)
                if not value:
                    return ""
                parts.append(value)
        return "".join(parts)

    def sentences(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(filter(None, map(self.sentence, texts)))

    def command(self, text: str) -> str:
        """A command line, or none where a value could be taken for an option."""
        parts = []
        for before, name, _spec in placeholders(text):
            parts.append(before)
            if name == "starttls":
                parts.append(self.values.get(name, ""))  # our own words, several
            elif name:
                value = readable(self.values.get(name, ""))
                if not value or value.startswith("-"):
                    return ""
                parts.append(shlex.quote(value))
        return "".join(parts)

    def pasted(self, text: str) -> str:
        """Lines stay lines."""
        name = next((name for _, name, _ in placeholders(text)), "")
        lines = self.values.get(name, "")[:PASTED_CHARACTERS].splitlines()
        return "\n".join(readable(line, PASTED_CHARACTERS) for line in lines)

    def _value(self, name: str, spec: str) -> str:
        value = self.values.get(name, "")
        moment = _moment(value)
        return readable(value) if moment is None else _told(moment, spec, self.now)


def readable(text: str, most: int = VALUE_CHARACTERS) -> str:
    """What would not be seen, or would move what is seen, stands there as "�"."""
    kept = text if len(text) <= most else text[: most - 1] + "…"
    if kept.isprintable():
        return kept
    return "".join(c if c.isprintable() else "�" for c in kept)


def date_words(moment: datetime) -> str:
    """ "4 March 2027"."""
    return f"{moment.day} {moment:%B} {moment.year}"


def _moment(value: str) -> datetime | None:
    if not _MOMENT.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:  # the 31st of June
        return None


def _told(moment: datetime, spec: str, now: datetime) -> str:
    if spec == "time":
        return f"{date_words(moment)}, {moment:%H:%M} UTC"
    if spec == "days":
        return _span(abs(moment - now))
    return date_words(moment)


def _span(span: timedelta) -> str:
    if span < _HOURS_UNTIL:
        hours = int(span / timedelta(hours=1))
        return "1 hour" if hours == 1 else f"{hours} hours"
    return f"{span.days} days"
