"""Which mailbox names a LIST pattern means (RFC 9051 §6.3.9, RFC 5258).

``*`` stands for anything, ``%`` for anything but the delimiter, INBOX for itself in any
case.  In: text; out: yes or no.  Work grows with the name's length times the pattern's
over the machine's word, never faster: no backtracking, whatever the pattern.
"""

import re

_WILDCARDS = re.compile(r"[*%]+")


class MailboxPattern:
    """A reference and a pattern, made once for a LIST and matched with every name.

    The pattern's literal characters are bits of a number: bit ``n`` of the state says that
    the first ``n`` of them are matched, so all ways to match are followed at once.
    """

    __slots__ = ("_any", "_any_but_delimiter", "_delimiter", "_final", "_literal", "_next")

    def __init__(self, reference: str, pattern: str, delimiter: str = "/") -> None:
        pattern = _WILDCARDS.sub(lambda run: "*" if "*" in run[0] else "%", reference + pattern)
        self._delimiter = delimiter
        self._literal = None if "*" in pattern or "%" in pattern else pattern
        self._next: dict[str, int] = {}
        self._any = self._any_but_delimiter = 0
        place = 1
        for character in pattern:
            if character == "*":
                self._any |= place
            elif character == "%":
                self._any_but_delimiter |= place
            else:
                self._next[character] = self._next.get(character, 0) | place
                place <<= 1
        self._final = place

    def matches(self, name: str) -> bool:
        if name == "INBOX":
            return self._matches_inbox()
        return name == self._literal if self._literal is not None else self._match(name)

    def _match(self, name: str) -> bool:
        if self._any == self._final == 1:
            return True
        state, follow = 1, self._next.get
        for character in name:
            stay = self._any
            if character != self._delimiter:
                stay |= self._any_but_delimiter
            state = ((state & follow(character, 0)) << 1) | (state & stay)
            if not state:
                return False
        return bool(state & self._final)

    def _matches_inbox(self) -> bool:
        """Any case: each letter may stand in the pattern in either."""
        if self._literal is not None:
            return self._literal.upper() == "INBOX"
        state = 1
        for letter in "INBOX":
            step = self._next.get(letter, 0) | self._next.get(letter.lower(), 0)
            state = ((state & step) << 1) | (state & (self._any | self._any_but_delimiter))
        return bool(state & self._final)
