"""What every entry of the catalogue keeps to: its shape, its words, its place among the rules."""

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources

import pytest

from mailclad.cli.commands import mailclad
from mailclad.services.diagnose.catalogue import entries, shown_as_example
from mailclad.services.diagnose.entry import COMMON, SPECS, Entry, condition_of, placeholders
from mailclad.services.diagnose.found import Level
from mailclad.services.diagnose.search import normalised

ENTRIES = entries()
NOW = datetime(2026, 11, 30, 22, tzinfo=UTC)

WANTED = {
    "CONN": (*range(101, 111),),
    "MODE": (*range(201, 208),),
    "CERT": (*range(301, 324),),
    "TLS": (*range(401, 409),),
    "DNS": (*range(411, 428),),
    "ACME": (*range(431, 436),),
    "AUTH": (*range(501, 507),),
    "SEND": (*range(601, 607),),
    "CLIENT": (*range(701, 707),),
    "HOST": (*range(801, 818),),
}
SEVERITIES = {
    "C01": "E", "C02": "E", "C03": "W", "C04": "W", "C05": "E", "C05b": "E", "C06": "W",
    "C07": "E", "C07a": "E", "C07b": "E", "C07c": "E", "C07d": "W", "C07e": "E", "C07f": "E",
    "C08": "E",
    "C09": "E", "C10": "EI", "C11": "E", "C12": "W", "C13": "I", "C14": "E", "C15": "E",
    "C16": "E", "C17": "E", "C18": "E", "C19": "W", "C20": "E", "C21": "I", "C22": "IW",
    "C23": "E", "C24": "E", "C25": "EW", "C26": "EW", "C27": "EW", "C28a": "E", "C28b": "E",
    "C28c": "E", "C29": "EW", "C30": "W", "C31": "W", "C32": "E", "C33": "EI", "C34": "EI",
    "C35": "EWI", "C36": "W", "C37": "E", "C38": "IW", "C39": "IW", "C40": "E", "C41": "E",
    "C42": "E", "C43": "WE", "C44": "W", "C45": "I",
}  # fmt: skip
"""Every rule of detection with its severity; two letters where it depends on the case."""
LEVELS = {"E": Level.PROBLEM, "W": Level.WATCH, "I": Level.NOTE}

FOR_PEOPLE = ("saw", "means", "risk", "can_ignore", "do_user")
BANNED = (
    "please",
    "sorry",
    "invalid",
    "oops",
    "handshake",
    "chain of trust",
    "error",
    "user error",
)
NEVER_ADVISED = re.compile(
    r"accept|trust anyway|ignore the warning|continue anyway|add an exception|lower the"
    r"|\b(turn off|switch off|disable)\b.{0,20}(encryption|tls|ssl|verif|check|warning)",
    re.IGNORECASE,
)
UNLESS = re.compile("^Do not ", re.IGNORECASE)

each = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES.keys())


def test_every_number_has_its_entry() -> None:
    wanted = [f"{family}-{number}" for family, numbers in WANTED.items() for number in numbers]
    assert list(ENTRIES) == wanted


def test_slugs_and_titles_are_unique() -> None:
    for names in ([e.slug for e in ENTRIES.values()], [e.title for e in ENTRIES.values()]):
        assert [name for name, count in Counter(names).items() if count > 1] == []


def test_a_file_is_named_after_its_entry() -> None:
    files = resources.files("mailclad").joinpath("findings").iterdir()
    names = {f"{entry.id.lower()}-{entry.slug}.toml" for entry in ENTRIES.values()}
    assert {file.name for file in files} == names


def test_no_rule_is_without_an_entry() -> None:
    assert {rule for entry in ENTRIES.values() for rule in entry.detect} == set(SEVERITIES)


@each
def test_the_level_is_the_rules_severity(entry: Entry) -> None:
    possible = {LEVELS[letter] for rule in entry.detect for letter in SEVERITIES[rule]}
    assert not possible or entry.level in possible | {Level.CANNOT_CHECK}
    for variant in entry.variants.values():
        assert variant.level is None or variant.level in possible


@each
def test_parents_exist_and_are_no_circle(entry: Entry) -> None:
    def above(name: str, below: tuple[str, ...]) -> None:
        assert name not in below, below
        for parent in ENTRIES[name].needs:
            above(parent, (*below, name))

    above(entry.id, ())


@each
def test_placeholders_are_values_that_are_there(entry: Entry) -> None:
    known = set(COMMON) | set(entry.values)
    for text in (*_texts(entry), entry.paste, entry.verify, entry.verify_good):
        for _, name, spec in placeholders(text):
            assert not name or name in known, text
            assert spec in SPECS, text
    assert set(entry.optional) <= set(entry.values)
    for condition in entry.variants:
        assert condition_of(condition)[0] in entry.values


@each
def test_every_value_is_told_or_decides(entry: Entry) -> None:
    told = {name for text in (*_texts(entry), entry.paste, entry.verify)
            for _, name, _ in placeholders(text)}  # fmt: skip
    deciding = {condition_of(condition)[0] for condition in entry.variants}
    assert set(entry.values) <= told | deciding


@each
def test_what_must_be_said_needs_no_optional_value(entry: Entry) -> None:
    """A sentence whose value is empty is left out; these must not be."""
    must = (entry.saw[0], entry.means, entry.risk, entry.can_ignore, entry.verify)
    for text in must:
        assert not {name for _, name, _ in placeholders(text)} & set(entry.optional), text
    without = [
        text
        for text in entry.do_admin
        if not {name for _, name, _ in placeholders(text)} & set(entry.optional)
    ]
    assert without


@each
def test_an_entry_is_complete(entry: Entry) -> None:
    told = shown_as_example(entry, NOW)
    for text in (told.title, told.saw, told.means, told.risk, told.can_ignore, told.verify):
        assert text
        assert "{" not in text.replace("'{", "")
    assert told.verify_good
    assert told.do_user
    assert told.do_admin
    assert entry.say
    assert entry.sources
    assert bool(entry.paste) == bool(told.paste)


@each
def test_sentences_are_short_and_end(entry: Entry) -> None:
    for text in _texts(entry):
        if text in _titles(entry):
            continue
        assert text[-1] in ".?}:" or text.split()[-1].startswith(("-addext", "DNS:")), text
        for sentence in re.split(r"(?<=[.?:;])\s+", text):
            assert len(sentence.split()) <= 20, sentence


@each
def test_words_are_plain(entry: Entry) -> None:
    for text in _texts(entry, *FOR_PEOPLE):
        for word in BANNED:
            assert not re.search(rf"\b{word}\b", text, re.IGNORECASE), (word, text)
    assert len(entry.title.split()) <= 14
    assert not entry.title.endswith(".")


@each
def test_nobody_is_ever_told_to_take_a_bad_certificate(entry: Entry) -> None:
    for text in _texts(entry, "do_user", "do_admin", "can_ignore"):
        if not UNLESS.match(text):
            assert not NEVER_ADVISED.search(text), text


@each
def test_the_command_is_one_that_a_shell_reads(entry: Entry) -> None:
    told = shown_as_example(entry, NOW)
    assert shlex.split(told.verify)
    assert "\n" not in told.verify
    assert "-k " not in told.verify
    if told.verify.startswith("mailclad "):
        command = told.verify.split()[1]
        assert command in mailclad.list_commands(None)  # type: ignore[arg-type]


@each
def test_what_people_paste_can_be_found(entry: Entry) -> None:
    for text in entry.aliases:
        fragments = [normalised(fragment) for fragment in text.split("…")]
        assert max(map(len, fragments)) >= 3, text


def _titles(entry: Entry) -> list[str]:
    return [entry.title, *(one.title for one in entry.variants.values() if one.title)]


def _texts(entry: Entry, *fields: str) -> Iterator[str]:
    wanted = fields or ("title", *FOR_PEOPLE, "do_admin")
    for source in (entry, *entry.variants.values()):
        for name in wanted:
            value = getattr(source, name, None)
            yield from (value,) if isinstance(value, str) else value or ()
