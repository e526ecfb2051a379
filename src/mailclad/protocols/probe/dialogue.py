"""A client that asks a mail server what it offers, comes to TLS, and takes its leave; no I/O.

RFC 3207 §4.2, RFC 9051 §6.2.1, RFC 2595, RFC 5804 §2.2 (what was said in clear is forgotten under
TLS).  One question at a time, of :mod:`grammar`'s table.

Comes in: octets of an untrusted server, cut anywhere.  Goes out: octets to be sent, and
``Answer`` values, or DialogueProblem: it is another protocol or does not end.  There is no
question that carries a password.  Limits: of a line, of an answer, of its words.

    dialogue = Dialogue(MailProtocol.IMAP)
    dialogue.ask(Question.GREETING)              # b"": wait
    answer = dialogue.receive(octets)            # None: more octets are needed
    channel.write(dialogue.ask(Question.UPGRADE))
    …
    dialogue.tls_started()                       # what waited was not said under TLS
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from mailclad.mail.endpoint import MailProtocol
from mailclad.protocols.probe.grammar import GRAMMARS, Grammar, NotTheProtocol, Question

LINE_OCTETS = 8 * 1024
"""With the literals in it; the longest capability lines have 1,000."""

ANSWER_OCTETS = 64 * 1024
"""All lines of an answer; EHLO replies come to a thousandth, HTTP heads to a tenth."""

ANSWER_LINES = 200
"""The longest EHLO replies have 40."""

WORDS = 200
WORD_CHARACTERS = 100
"""What is kept of capabilities: IMAP servers have up to 60, the longest of 30 characters."""

TEXT_CHARACTERS = 1_000
"""What is kept of the line that decides."""

LITERALS = 8
"""In one line; a server that answers in literals needs one or two."""

_LITERAL = re.compile(rb"\{(\d{1,9})\+?\}\r?\Z")


class DialogueProblem(Exception):
    """The octets are no answer; the text never quotes them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``text`` is the line that decides, printable; ``words`` None: no capabilities were told."""

    positive: bool
    text: str
    words: tuple[str, ...] | None = None


class Dialogue:
    """One connection's conversation; ``name`` goes into EHLO, and HTTP's Host."""

    __slots__ = ("_buffer", "_grammar", "_lines", "_name", "_octets", "_question")

    def __init__(self, protocol: MailProtocol, name: str = "[127.0.0.1]") -> None:
        self._grammar: Grammar = GRAMMARS[protocol]
        self._name = name
        self._question = Question.GREETING
        self._buffer = bytearray()
        self._lines: list[bytes] = []
        self._octets = 0

    @property
    def is_greeted_again(self) -> bool:
        """Whether a greeting comes under TLS behind an upgrade."""
        return self._grammar.greets_again

    def ask(self, question: Question) -> bytes:
        """Return what is to be sent; nothing for the greeting."""
        self._question = question
        self._lines, self._octets = [], 0
        if question is Question.GREETING:
            return b""
        command = self._grammar.commands[question].format(name=self._name)
        return f"{command}\r\n".encode("ascii")

    def receive(self, octets: bytes) -> Answer | None:
        """Return the answer once it is whole; raises DialogueProblem."""
        self._buffer += octets
        while (line := self._next_line()) is not None:
            self._octets += len(line)
            self._lines.append(line)
            if self._octets > ANSWER_OCTETS or len(self._lines) > ANSWER_LINES:
                raise DialogueProblem("an answer that does not end")
            try:
                positive = self._grammar.is_positive(self._question, self._lines)
            except NotTheProtocol as problem:
                raise DialogueProblem(str(problem)) from None
            if positive is not None:
                return self._answer(positive)
        return None

    def tls_started(self) -> None:
        """Forget what came in clear: somebody on the way may have written it."""
        self._buffer.clear()

    def _answer(self, positive: bool) -> Answer:
        found = self._grammar.words(self._question, self._lines) if positive else None
        text = _printable(self._lines[self._grammar.decisive])[:TEXT_CHARACTERS]
        words = None if found is None else _kept(found)
        return Answer(positive, text, words)

    def _next_line(self) -> bytes | None:
        """Cut a line off, with the literals in it."""
        end = self._buffer.find(b"\n")
        if self._grammar.literals:
            end = self._behind_literals(end)
        if end > LINE_OCTETS or (end < 0 and len(self._buffer) > LINE_OCTETS):
            raise DialogueProblem("a line that does not end")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def _behind_literals(self, end: int) -> int:
        """Where the line ends that has a first line end here; -1 where it is not all there."""
        for _ in range(LITERALS):
            found = _LITERAL.search(self._buffer, max(0, end - 16), max(0, end))
            if found is None:
                return end
            end = self._buffer.find(b"\n", end + 1 + int(found[1]))
        raise DialogueProblem("a line of literals")


def _kept(words: Iterable[str]) -> tuple[str, ...]:
    once = dict.fromkeys(_printable(word)[:WORD_CHARACTERS] for word in islice(words, WORDS))
    return tuple(once)


def _printable(text: bytes | str) -> str:
    decoded = text if isinstance(text, str) else text.decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in decoded).strip()
