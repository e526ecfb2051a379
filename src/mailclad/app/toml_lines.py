"""Where each key of a TOML text stands, so that an error can name the line.

The text has been read by ``tomllib`` before, so it is well formed and only the shapes that
begin a line need telling apart: ``[table]``, ``[[array of tables]]`` and ``key = value``.
Comes in: the text.  Goes out: key path → line, counted from 1.  Never raises.
"""

import re
import tomllib
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')(?:\s*\.\s*[^\s=]+)*)\s*=""")
_DELIMITERS = ('"""', "'''")


def key_lines(text: str) -> Mapping[KeyPath, int]:
    """The first line of every table and key; elements of arrays of tables by number."""
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    inside: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        starts_inside = inside is not None
        inside = _string_open_after(line, inside)
        if starts_inside:
            continue
        if header := _HEADER.match(line):
            table = _table(header, counts)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            path = table + _parts(key[1])
            for length in range(len(table) + 1, len(path) + 1):
                lines.setdefault(path[:length], number)
    return lines


def line_of(path: KeyPath, lines: Mapping[KeyPath, int]) -> int | None:
    """The line of this key, else of the nearest table around it."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def _table(header: re.Match[str], counts: dict[KeyPath, int]) -> KeyPath:
    path: KeyPath = ()
    parts = _parts(header[2])
    for position, part in enumerate(parts, 1):
        path = (*path, part)
        if path in counts and not (position == len(parts) and header[1] == "[["):
            path = (*path, counts[path] - 1)
    if header[1] == "[[":
        counts[path] = counts.get(path, 0) + 1
        path = (*path, counts[path] - 1)
    return path


def _parts(key: str) -> tuple[str, ...]:
    """A dotted key as its parts, unquoted."""
    try:
        value: object = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        return (key,)
    parts: list[str] = []
    while isinstance(value, dict) and value:  # a key of only a comment leaves nothing
        part, value = next(iter(value.items()))
        parts.append(part)
    return tuple(parts) or (key,)


def _string_open_after(line: str, inside: str | None) -> str | None:
    """Which many-line string, if any, is open at the end of this line."""
    position = 0
    while True:
        if inside is None:
            found = [(line.find(d, position), d) for d in _DELIMITERS if d in line[position:]]
            if not found:
                return None
            position, inside = min(found)
            position += 3
        else:
            end = line.find(inside, position)
            if end < 0:
                return inside
            position, inside = end + 3, None
