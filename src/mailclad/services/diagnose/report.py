"""What a check came to: one sentence, the findings in words, and where mail is to be had.

Comes in: findings already told.  Goes out: a value that a terminal, a program and a page show,
and the exit status.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from mailclad.mail.endpoint import Endpoint
from mailclad.services.diagnose.found import Level
from mailclad.services.diagnose.told import Told

EXIT_STATUS = {Level.PROBLEM: 2, Level.WATCH: 1, Level.CANNOT_CHECK: 3}
"""Any other level is 0; a usage error is 64, so that it is never read as a finding."""

_WORST_FIRST = tuple(Level)
_COUNTED = (
    (Level.PROBLEM, "problem", "problems"),
    (Level.WATCH, "thing to watch", "things to watch"),
    (Level.NOTE, "note", "notes"),
    (Level.CANNOT_CHECK, "check not possible", "checks not possible"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """To a person's question: "Can I read my mail?" "Yes, at imap.example.net."."""

    question: str
    words: str
    level: Level


@dataclass(frozen=True, slots=True)
class Seen:
    """An endpoint in the table; ``words`` say what was seen of it, in a few words."""

    endpoint: Endpoint
    level: Level
    words: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """``verdict``: "mail works and is encrypted", without target, counts or full stop.

    ``fine`` has a sentence for each check without a finding.  ``seen_from`` says from where:
    "this computer", "this server, from inside".  ``found_in``: "autoconfig.example.net,
    confirmed by connecting", or empty.
    """

    target: str
    verdict: str
    findings: tuple[Told, ...]
    fine: tuple[str, ...]
    checked_at: datetime
    seen_from: str
    answers: tuple[Answer, ...] = ()
    endpoints: tuple[Seen, ...] = ()
    found_in: str = ""

    @property
    def worst_first(self) -> tuple[Told, ...]:
        return tuple(sorted(self.findings, key=lambda told: _WORST_FIRST.index(told.level)))

    @property
    def counts(self) -> Counter[Level]:
        return Counter(told.level for told in self.findings)

    @property
    def counted(self) -> str:
        """ "1 problem, 2 things to watch, 14 checks fine"."""
        counts = self.counts
        parts = [
            f"{counts[level]} {one if counts[level] == 1 else many}"
            for level, one, many in _COUNTED
            if counts[level]
        ]
        if self.fine or not parts:
            parts.append(f"{len(self.fine)} check{'s' * (len(self.fine) != 1)} fine")
        return ", ".join(parts)

    @property
    def headline(self) -> str:
        return f"{self.target}: {self.verdict}. {self.counted}."

    @property
    def exit_status(self) -> int:
        """As bad as the worst finding and the worst answer."""
        levels = {told.level for told in self.findings} | {one.level for one in self.answers}
        return next((status for level, status in EXIT_STATUS.items() if level in levels), 0)
