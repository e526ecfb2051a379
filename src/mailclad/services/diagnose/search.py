"""From the words on somebody's screen, or a line of a log, to entries of the catalogue.

Comes in: whatever was pasted, with names, dates and numbers of its own.  Goes out: a few entries,
the likeliest first.  An entry's own name wins; else the longest known text that is in what was
pasted; else the entries that have most of its rarer words.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from mailclad.services.diagnose.catalogue import entries
from mailclad.services.diagnose.entry import Entry

MOST_HITS = 3
PASTED_CHARACTERS = 4_000
"""Of what was pasted: a long line of a log has some hundred; more would only cost time."""
_GAP = "…"
_ENOUGH = 0.5
"""More than so much of the weight of a query's words must be an entry's for it to be offered."""
_NAME = re.compile(r"\S+[.@]\S+")
"""Servers, addresses and numbers with dots say nothing about what is wrong."""


@dataclass(frozen=True, slots=True)
class Hit:
    """``program`` says ``text``; both are empty where the entry was found by its own words."""

    entry: Entry
    program: str = ""
    text: str = ""


def search(pasted: str) -> tuple[Hit, ...]:
    """At most MOST_HITS, or none."""
    cut = pasted[:PASTED_CHARACTERS]
    wanted = normalised(cut)
    if not wanted:
        return ()
    named = [Hit(entry) for entry in entries().values() if wanted in _own_names(entry)]
    return tuple(
        (named or _by_text(wanted) or _by_words(normalised(_NAME.sub("", cut))))[:MOST_HITS]
    )


def normalised(text: str) -> str:
    """Lower-case words with one blank between: quotes, dots and underscores do not count."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    return " ".join("".join(c if c.isalnum() else " " for c in folded).split())


def _own_names(entry: Entry) -> tuple[str, ...]:
    return normalised(entry.id), normalised(entry.slug), normalised(entry.title)


def _by_text(wanted: str) -> list[Hit]:
    """The longest text that an entry has in common with what was pasted decides."""
    padded = f" {wanted} "
    best: dict[str, tuple[int, Hit]] = {}
    for entry, program, text, fragments in _texts():
        length = sum(map(len, fragments))
        if length > best.get(entry.id, (0, None))[0] and _in_order(fragments, padded):
            best[entry.id] = length, Hit(entry, program, text)
    return [hit for _, hit in sorted(best.values(), key=lambda pair: -pair[0])]


def _in_order(fragments: tuple[str, ...], padded: str) -> bool:
    start = 0
    for fragment in fragments:
        found = padded.find(f" {fragment} ", start)
        if found < 0:
            return False
        start = found + len(fragment) + 1
    return True


def _by_words(wanted: str) -> list[Hit]:
    rare, unknown = _rarity(), math.log(len(entries()))
    asked = {word: rare.get(word, unknown) for word in wanted.split()}
    enough = _ENOUGH * sum(asked.values())
    scored = [
        (sum(weight for word, weight in asked.items() if word in words), entry)
        for entry, words in _vocabulary()
    ]
    good = [(score, entry) for score, entry in scored if score > enough]
    return [Hit(entry) for _, entry in sorted(good, key=lambda pair: -pair[0])]


@cache
def _texts() -> tuple[tuple[Entry, str, str, tuple[str, ...]], ...]:
    """Each known text, cut at its gaps."""
    return tuple(
        (entry, program, text, tuple(filter(None, map(normalised, text.split(_GAP)))))
        for entry in entries().values()
        for program, texts in entry.say.items()
        for text in texts
    )


@cache
def _vocabulary() -> tuple[tuple[Entry, frozenset[str]], ...]:
    return tuple((entry, frozenset(_words(entry))) for entry in entries().values())


def _words(entry: Entry) -> Iterator[str]:
    for text in (*_own_names(entry), *entry.say, *map(normalised, entry.aliases)):
        yield from text.split()


@cache
def _rarity() -> dict[str, float]:
    """A word that every entry has says nothing."""
    having = Counter(word for _, words in _vocabulary() for word in words)
    return {word: math.log(len(entries()) / number) for word, number in having.items()}
