"""The sample mailbox of the demonstration: about forty messages, made by code.

``sample_mailbox(now)`` gives them for both people, oldest first; dates count back from
``now``.  They are varied on purpose: threads, attachments, a message of several megabytes,
writing from right to left, three encodings of Japanese, invitations, reports, phish, and the
oddities that real mail has.  Nothing in them leads out of ``.example`` and ``demo.localhost``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mailclad.app import demo_letters as letters
from mailclad.app import demo_oddities as oddities
from mailclad.app.demo_mime import Header, encode_words, entity, person
from mailclad.mail.date import format_date
from mailclad.store.model import Flag

ADA = "ada@demo.localhost"
GRACE = "grace@demo.localhost"
NAMES = {ADA: "Ada Lovelace", GRACE: "Grace Hopper"}

_HOUR = 3600
_DAY = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class Sample:
    """One message in one person's mailbox; ``flags`` are the bits of ``store.model.Flag``."""

    address: str
    mailbox: str
    octets: bytes
    flags: int
    date: int


class _Post:
    """Puts letters into envelopes, dates them and numbers them."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.made: list[Sample] = []

    def put(
        self,
        letter: letters.Letter,
        ago: int,
        *,
        owner: str = ADA,
        mailbox: str = "INBOX",
        flags: int = Flag.SEEN,
    ) -> None:
        date = self.now - ago
        to = letter.to or person(NAMES[owner], owner)
        self.made.append(Sample(owner, mailbox, _octets(letter, date, to), flags, date))

    def exchange(
        self, letter: letters.Letter, ago: int, *, sent_by: str, read: bool = True
    ) -> None:
        """A letter between the two: in one's Sent and in the other's INBOX."""
        other = GRACE if sent_by == ADA else ADA
        addressed = replace(letter, to=person(NAMES[other], other))
        self.put(addressed, ago, owner=sent_by, mailbox="Sent")
        self.put(addressed, ago, owner=other, flags=Flag.SEEN if read else 0)


def _octets(letter: letters.Letter, date: int, to: str) -> bytes:
    if letter.whole is not None:
        return letter.whole.replace(b"@DATE@", format_date(date))
    headers: list[Header] = [
        ("From", letter.sender or person(NAMES[letter.sent_by], letter.sent_by)),
        ("To", to),
        ("Subject", encode_words(letter.subject, letter.charset)),
        ("Date", format_date(date).decode("ascii")),
        ("Message-ID", f"<{letter.key}@demo.localhost>"),
        *letter.headers,
        ("MIME-Version", "1.0"),
    ]
    return entity(headers, b"").removesuffix(b"\r\n") + letter.body


def sample_mailbox(now: int) -> tuple[Sample, ...]:
    """All samples, oldest first; the newest in each INBOX says what to try."""
    post = _Post(now)
    _archive(post)
    _thread(post)
    _everyday(post)
    _reports(post)
    _unwanted(post)
    for ago, letter in zip(_places(), oddities.all_of_them(), strict=False):
        post.put(letter, ago)
    for owner in (ADA, GRACE):
        post.put(letters.three_things(NAMES[owner].split()[0], owner), 60, owner=owner, flags=0)
    return tuple(sorted(post.made, key=lambda sample: sample.date))


def _places() -> Iterator[int]:
    """The oddities lie half a day apart, from ten days ago on."""
    return iter(range(10 * _DAY, 0, -_DAY // 2))


def _archive(post: _Post) -> None:
    for number, letter in enumerate(letters.old_ones()):
        post.put(letter, (900 - 200 * number) * _DAY, mailbox="Archive")


def _thread(post: _Post) -> None:
    for number, letter in enumerate(letters.thread_of_five()):
        post.exchange(letter, (60 - 9 * number) * _HOUR, sent_by=letter.sent_by, read=number < 4)


def _everyday(post: _Post) -> None:
    post.put(letters.newsletter(), 2 * _DAY, flags=0)
    post.exchange(letters.invitation(post.now), 30 * _HOUR, sent_by=GRACE, read=False)
    post.exchange(letters.invitation_accepted(post.now), 29 * _HOUR, sent_by=ADA)
    post.put(letters.invoice(), 3 * _DAY, flags=Flag.SEEN | Flag.FLAGGED)
    post.exchange(letters.picture(), 4 * _DAY, sent_by=GRACE)
    post.put(letters.large(), 5 * _DAY)
    post.put(letters.away(), 20 * _HOUR, flags=Flag.SEEN)
    post.put(letters.many_people(), 6 * _DAY, flags=Flag.SEEN | Flag.ANSWERED)
    post.put(letters.draft(), 2 * _HOUR, mailbox="Drafts", flags=Flag.DRAFT | Flag.SEEN)
    post.put(letters.old_offer(), 12 * _DAY, mailbox="Trash")


def _reports(post: _Post) -> None:
    post.put(letters.bounce(), 25 * _HOUR, flags=0)
    post.put(letters.receipt(), 26 * _HOUR)
    post.put(letters.tls_report(), 34 * _HOUR)


def _unwanted(post: _Post) -> None:
    post.put(letters.phish(), 7 * _HOUR, mailbox="Junk", flags=0)
    post.put(letters.look_alike(), 8 * _HOUR, flags=0)
    post.put(letters.forged(), 9 * _HOUR, mailbox="Junk", flags=0)
    post.put(letters.in_the_clear(), 50 * _HOUR)
