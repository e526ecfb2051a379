"""Reading and writing the formal syntax, one rule a method (RFC 9051 §9).

The reader works on one whole command: framing has already found its end and held its
limits, so a rule never has to ask for more bytes.  In: a frame (lines, literals, spools);
out: bytes, text and numbers.  It raises ``SyntaxProblem`` and nothing else, and its texts
never repeat what the client sent.
"""

import re
from calendar import timegm

from mailclad.base.octets import Spool
from mailclad.protocols.imap import utf7
from mailclad.protocols.imap.framing import Frame
from mailclad.protocols.imap.responses import Condition, Reply
from mailclad.protocols.imap.sequence_set import SET, SequenceSet, parse_set

NUMBER64 = 0x7FFF_FFFF_FFFF_FFFF
NUMBER32 = 0xFFFF_FFFF

BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")  # ASCII only: ATOM-CHAR is a CHAR
_ASTRING = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\]+")
_LIST_MAILBOX = re.compile(rb"[^\x00-\x20\x7f-\xff(){\"\\]+")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00]++|\\["\\])*+)"')  # possessive: never backtracks
_ESCAPED = re.compile(rb"\\(.)")
_NUMBER = re.compile(rb"[0-9]{1,19}")
_FLAG = re.compile(rb"\\?[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
_LITERAL = re.compile(rb"(~?)\{[0-9]+\+?\}")
_DATE = re.compile(rb'("?)([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})\1')
_DATE_TIME = re.compile(
    rb'"( [0-9]|[0-9]{2})-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2})'
    rb' ([+-])([0-9]{2})([0-9]{2})"'
)
MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun",
          b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")  # fmt: skip
_MONTH_NUMBER = {name.upper(): number for number, name in enumerate(MONTHS, 1)}
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class SyntaxProblem(Exception):
    """The client broke a rule; ``reply`` is the answer, BAD unless a code exists for it."""

    def __init__(self, why: str, condition: Condition = Condition.BAD, code: str = "") -> None:
        super().__init__(why)
        self.reply = Reply(condition, why, code or None)


class Reader:
    """``rev2``: mailbox names are UTF-8, not modified UTF-7 (RFC 9051 §5.1)."""

    __slots__ = ("_at", "_line", "_part", "_parts", "rev2")

    def __init__(self, frame: Frame, at: int = 0, *, rev2: bool = False) -> None:
        line = frame[0]
        assert isinstance(line, bytes)  # a frame begins with a line
        self._line = line
        self._at = at
        self._parts = frame
        self._part = 0
        self.rev2 = rev2

    # --- words -------------------------------------------------------------------

    def atom(self) -> str:
        return self._match(_ATOM, "an atom").group().decode("ascii")

    def keyword(self) -> str:
        """An atom in capitals: the standard's own words know no case."""
        return self.atom().upper()

    def astring(self) -> bytes:
        found = _ASTRING.match(self._line, self._at)
        if found is not None:
            self._at = found.end()
            return found.group()
        return self.string()

    def string(self) -> bytes:
        if self.peek() == b'"':
            quoted = self._match(_QUOTED, "a string")[1]
            return _ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted
        return self.literal()

    def nstring(self) -> bytes | None:
        if self._line[self._at : self._at + 3].upper() == b"NIL":
            self._at += 3
            return None
        return self.string()

    def text(self) -> str:
        """An astring that is text."""
        return decode(self.astring())

    def literal(self) -> bytes:
        """A literal's octets, NUL excepted (RFC 9051 §9 "literal")."""
        octets = self._next_part(binary=False)
        if not isinstance(octets, bytes) or b"\0" in octets:
            raise SyntaxProblem("expected text without NUL")
        return octets

    def message(self) -> Spool:
        """A literal or literal8 that framing has put into a spool."""
        octets = self._next_part(binary=True)
        if isinstance(octets, bytes):
            raise SyntaxProblem("expected a message")
        return octets

    def _next_part(self, *, binary: bool) -> bytes | Spool:
        """What stands after ``{n}``, which is always the last thing on a line."""
        announced = _LITERAL.fullmatch(self._line, self._at)
        if announced is None or (announced[1] and not binary):
            raise SyntaxProblem("expected a string")
        octets, line = self._parts[self._part + 1 : self._part + 3]
        assert isinstance(line, bytes)  # lines and literals take turns
        self._line, self._at = line, 0
        self._part += 2
        return octets

    # --- numbers, sets, dates ----------------------------------------------------

    def number(self, largest: int = NUMBER32, least: int = 0) -> int:
        value = int(self._match(_NUMBER, "a number").group())
        if not least <= value <= largest:
            raise SyntaxProblem("the number is out of range")
        return value

    def sequence_set(self) -> SequenceSet:
        numbers = parse_set(self._match(SET, "message numbers").group())
        if numbers is None:
            raise SyntaxProblem("the message number is out of range")
        return numbers

    def at_set(self) -> bool:
        return SET.match(self._line, self._at) is not None

    def date(self) -> int:
        """The day's first second, UTC, since 1970."""
        found = self._match(_DATE, "a date")
        return _seconds(found[4], found[3], found[2])

    def date_time(self) -> int:
        found = self._match(_DATE_TIME, "a date and time")
        day = _seconds(found[3], found[2], found[1])
        hour, minute, second, zone_hours, zone_minutes = map(int, found.group(4, 5, 6, 8, 9))
        if hour > 23 or minute > 59 or second > 60 or zone_minutes > 59:
            raise SyntaxProblem("there is no such time of day")
        east = (zone_hours * 60 + zone_minutes) * (-60 if found[7] == b"-" else 60)
        return day + hour * 3600 + minute * 60 + second - east

    # --- mailboxes and flags -----------------------------------------------------

    def mailbox(self) -> str:
        name = self._name(self.astring())
        return "INBOX" if name.upper() == "INBOX" else name

    def reference(self) -> str:
        """What LIST's pattern is relative to; INBOX is nothing special here."""
        return self._name(self.astring())

    def list_mailbox(self) -> str:
        """A mailbox name in which ``%`` and ``*`` are wildcards."""
        found = _LIST_MAILBOX.match(self._line, self._at)
        if found is None:
            return self._name(self.string())
        self._at = found.end()
        return self._name(found.group())

    def _name(self, octets: bytes) -> str:
        """Refused with NO, not BAD: as syntax it is a string like any other."""
        try:
            if self.rev2 or not octets.isascii():  # UTF-8 before ENABLE is read as it is meant
                return octets.decode()
            return utf7.decode(octets)
        except (UnicodeDecodeError, utf7.Utf7Problem):
            encoding = "UTF-8" if self.rev2 else "modified UTF-7"
            why = f"a mailbox name is written in {encoding}"
            raise SyntaxProblem(why, Condition.NO, "CANNOT") from None

    def flag(self) -> str:
        return self._match(_FLAG, "a flag").group().decode("ascii")

    # --- punctuation -------------------------------------------------------------

    def space(self) -> None:
        self.expect(b" ")

    def expect(self, token: bytes) -> None:
        if not self.take(token):
            raise SyntaxProblem(f"expected {token.decode()!r}")

    def take(self, token: bytes) -> bool:
        """Whether the next octets are these, which are then done with; no letters."""
        if not self._line.startswith(token, self._at):
            return False
        self._at += len(token)
        return True

    def take_word(self, word: bytes) -> bool:
        """The same for letters, in any case."""
        end = self._at + len(word)
        if self._line[self._at : end].upper() != word:
            return False
        self._at = end
        return True

    def peek(self) -> bytes:
        return self._line[self._at : self._at + 1]

    def match(self, rule: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        """A rule of the caller's own; ``what`` completes "expected …"."""
        return self._match(rule, what)

    def rest(self) -> bytes | None:
        """What is left, still unread; None where literals are among it."""
        return self._line[self._at :] if self._part + 1 == len(self._parts) else None

    def end(self) -> None:
        if self._at != len(self._line) or self._part + 1 != len(self._parts):
            raise SyntaxProblem("unexpected text after the command")

    def _match(self, rule: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        found = rule.match(self._line, self._at)
        if found is None:
            raise SyntaxProblem(f"expected {what}")
        self._at = found.end()
        return found


def decode(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise SyntaxProblem("the text is not UTF-8") from None


def _seconds(year: bytes, month: bytes, day: bytes) -> int:
    number = _MONTH_NUMBER.get(month.upper())
    if number is None or not 1 <= int(day) <= _DAYS[number - 1] or not int(year):
        raise SyntaxProblem("there is no such date")
    return timegm((int(year), number, int(day), 0, 0, 0))
