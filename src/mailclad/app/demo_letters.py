"""What the samples say: letters between two people, and what else comes by mail."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from mailclad.app.demo_mime import (
    Header,
    attachment,
    calendar,
    encode_words,
    entity,
    multipart,
    noise_png,
    pdf,
    person,
    png,
    text,
    wrapped,
)

_ADA = "ada@demo.localhost"
_GRACE = "grace@demo.localhost"
_DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Letter:
    """A message without its date; ``body`` begins with its MIME header fields.

    ``whole`` is a message that stands as it is, but for ``@DATE@``.
    """

    key: str
    subject: str = ""
    body: bytes = b""
    sent_by: str = _GRACE
    sender: str = ""
    to: str = ""
    charset: str = "utf-8"
    headers: tuple[Header, ...] = ()
    whole: bytes | None = None


def three_things(name: str, address: str) -> Letter:
    words = f"""Hello {name},

this mailbox is yours to play with. Nothing you send from it leaves this computer.

1. Set up your mail program for {address}. The lines that mailclad demo
   printed say what to type: server, port, and which kind of encryption. Trust
   the certificate authority that it made; never click "accept anyway".

2. Write to the other of the two people, ada@demo.localhost or
   grace@demo.localhost, and see how soon the letter is there.

3. Try to sign in without encryption, as an eavesdropper would like you to:
   the server does not even offer it, on any port.

The other messages here were made to be awkward: Japanese, Arabic, invitations,
reports, phish, eight megabytes in one piece. They should all read well.

Mailclad
"""
    return Letter(
        f"three-things.{name.lower()}",
        "Three things to try",
        text(words),
        sender=person("Mailclad", "hello@demo.localhost"),
    )


_THREAD = (
    (
        _ADA,
        "Would you look over my notes on the engine? I believe it can work on more than numbers.",
    ),
    (
        _GRACE,
        "With pleasure. Page 7: do you mean that the result can change the cards?",
    ),
    (_ADA, "Not the cards, but which card comes next. Is the wording too bold?"),
    (_GRACE, "Leave it bold. I would add an example that a reader can follow with a pencil."),
    (_GRACE, "One more thing: I found a moth in the relay today. Taped it into the log book."),
)


def thread_of_five() -> Iterator[Letter]:
    earlier: list[str] = []
    quoted = ""
    for number, (sent_by, words) in enumerate(_THREAD, 1):
        headers: tuple[Header, ...] = ()
        if earlier:
            headers = (("In-Reply-To", earlier[-1]), ("References", "\r\n ".join(earlier)))
        subject = "Notes on the Analytical Engine"
        body = words + "\n" + (f"\n> {quoted}\n" if quoted else "")
        key = f"engine.{number}"
        yield Letter(
            key,
            subject if number == 1 else f"Re: {subject}",
            text(body, more="; format=flowed"),
            sent_by=sent_by,
            headers=headers,
        )
        earlier.append(f"<{key}@demo.localhost>")
        quoted = words


def old_ones() -> Iterator[Letter]:
    yield Letter(
        "old.1", "Programme of the meeting", text("First the difference engine, then tea.\n")
    )
    yield Letter(
        "old.2",
        "Fwd: Programme of the meeting",
        text("See below.\n\n-- \nGrace Hopper\nThe library, second floor\n"),
    )
    yield Letter(
        "old.3", "Punched cards", text("Forty boxes came today. Where shall we put them?\n")
    )


def newsletter() -> Letter:
    plain = text("The Weekly Gear, number 43\n\nRead it at https://gear.example/43\n")
    style = "body{font-family:sans-serif}.lead{color:#445}\n" * 20
    rich = text(
        f"<!doctype html><html><head><title>The Weekly Gear</title><style>{style}</style></head>\n"
        '<body><img src="https://gear.example/open.gif?reader=ada" width="1" height="1" alt="">\n'
        "<h1>The Weekly Gear</h1>\n<p class=lead>Brass or steel? We asked twelve makers.</p>\n"
        '<p><a href="https://gear.example/43?utm_source=mail"><img '
        'src="https://gear.example/gears.jpg" alt="Gears"></a></p>\n'
        "<p>You get this because you asked for it at the fair.</p></body></html>\n",
        subtype="html",
    )
    return Letter(
        "gear.43",
        "The Weekly Gear: brass or steel?",
        multipart("alternative", "=_gear_43", plain, rich),
        sender=person("The Weekly Gear", "news@gear.example"),
        headers=(
            ("List-Id", "The Weekly Gear <weekly.gear.example>"),
            ("List-Unsubscribe", "<https://gear.example/leave/ada>, <mailto:leave@gear.example>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("Precedence", "bulk"),
        ),
    )


def _event(now: int, method: str, status: str) -> bytes:
    day = now // _DAY + 3
    times = [datetime.fromtimestamp(day * _DAY + hour * 3600, UTC) for hour in (15, 16)]
    start, end = (when.strftime("%Y%m%dT%H%M%SZ") for when in times)
    return calendar(method, "tea@demo.localhost", start, end, "Tea and compilers", status)


def invitation(now: int) -> Letter:
    event = _event(now, "REQUEST", "NEEDS-ACTION")
    shown = entity(
        [
            ("Content-Type", "text/calendar; charset=utf-8; method=REQUEST"),
            ("Content-Transfer-Encoding", "base64"),
        ],
        wrapped(event),
    )
    plain = text("Tea and compilers, in three days at 15:00 UTC. Will you come?\n")
    both = multipart("alternative", "=_invite_2", plain, shown)
    file = attachment("application/ics", "invite.ics", event)
    return Letter(
        "invite.1", "Invitation: Tea and compilers", multipart("mixed", "=_invite_1", both, file)
    )


def invitation_accepted(now: int) -> Letter:
    event = _event(now, "REPLY", "ACCEPTED")
    body = entity([("Content-Type", "text/calendar; charset=utf-8; method=REPLY")], event)
    return Letter(
        "invite.2",
        "Accepted: Tea and compilers",
        body,
        sent_by=_ADA,
        headers=(("In-Reply-To", "<invite.1@demo.localhost>"),),
    )


def invoice() -> Letter:
    file = pdf("Invoice 1843", "Brass wheels, 40 pieces", "To pay: 12 pounds 10 shillings")
    return Letter(
        "invoice.1843",
        "Invoice 1843",
        multipart(
            "mixed",
            "=_invoice",
            text("Dear customer,\n\nyou find the invoice attached.\n"),
            attachment("application/pdf", "invoice-1843.pdf", file),
        ),
        sender=person("Clement & Sons", "office@clement.example"),
    )


def picture() -> Letter:
    page = text(
        '<p>The new curtains, as promised:</p>\n<p><img src="cid:curtains@demo.localhost"></p>\n',
        subtype="html",
    )
    image = entity(
        [
            ("Content-Type", 'image/png; name="curtains.png"'),
            ("Content-ID", "<curtains@demo.localhost>"),
            ("Content-Disposition", 'inline; filename="curtains.png"'),
            ("Content-Transfer-Encoding", "base64"),
        ],
        wrapped(png(320, 200, 7)),
    )
    related = multipart('related; type="text/html"', "=_picture", page, image)
    return Letter("picture.1", "Curtains", related)


def large() -> Letter:
    """Eight megabytes: six of picture, as base64."""
    return Letter(
        "large.1",
        "The plan, full size",
        multipart(
            "mixed",
            "=_large",
            text("This one is large on purpose: see that your program shows the list at once.\n"),
            attachment("image/png", "plan.png", noise_png(1600, 1250, 11)),
        ),
        sender=person("Joseph Clement", "joseph@clement.example"),
    )


def away() -> Letter:
    return Letter(
        "away.1",
        "Away until Monday: Notes on the Analytical Engine",
        text("I am at the seaside and read mail again on Monday.\n"),
        sender=person("Charles Babbage", "charles@engine.example"),
        headers=(("Auto-Submitted", "auto-replied"), ("In-Reply-To", "<engine.1@demo.localhost>")),
    )


def many_people() -> Letter:
    people = [
        person(f"Reader {number}", f"reader{number}@society.example") for number in range(1, 13)
    ]
    return Letter(
        "society.9",
        "Minutes of the society",
        text("Thirty were present. The minutes were read and signed.\n"),
        sender=person("Mary Somerville", "mary@society.example"),
        headers=(("Cc", ",\r\n ".join(people)), ("Reply-To", "minutes@society.example")),
    )


def draft() -> Letter:
    return Letter(
        "draft.1",
        "Translation, chapter 2",
        text("Dear Mr Menabrea,\n\nthe second chapter \n"),
        sent_by=_ADA,
        to="luigi@turin.example",
    )


def old_offer() -> Letter:
    return Letter(
        "offer.1",
        "Only today: lamp oil",
        text("<b>Half price</b> until the lamps go out.\n", subtype="html"),
        sender=person("Lamps", "shop@lamps.example"),
    )


def bounce() -> Letter:
    status = (
        b"Reporting-MTA: dns; localhost\r\nArrival-Date: @DATE@\r\n\r\n"
        b"Final-Recipient: rfc822; charles@engine.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"Remote-MTA: dns; mx.engine.example\r\n"
        b"Diagnostic-Code: smtp; 550 5.1.1 No such person here\r\n"
    )
    returned = (
        b"From: ada@demo.localhost\r\nTo: charles@engine.example\r\nSubject: A question\r\n\r\n"
    )
    words = "Your message to charles@engine.example was not delivered:\nno such person there.\n"
    report = multipart(
        "report; report-type=delivery-status",
        "=_bounce",
        text(words),
        entity([("Content-Type", "message/delivery-status")], status),
        entity([("Content-Type", "text/rfc822-headers")], returned),
    )
    return Letter(
        "bounce.1",
        "Not delivered: A question",
        report.replace(b"@DATE@", b"Mon, 01 Jan 2024 12:00:00 +0000"),
        sender=person("Mail delivery", "MAILER-DAEMON@demo.localhost"),
        headers=(("Return-Path", "<>"), ("Auto-Submitted", "auto-replied")),
    )


def receipt() -> Letter:
    facts = (
        b"Reporting-UA: demo.localhost; Mailclad\r\n"
        b"Final-Recipient: rfc822;mary@society.example\r\n"
        b"Original-Message-ID: <draft.0@demo.localhost>\r\n"
        b"Disposition: manual-action/MDN-sent-manually; displayed\r\n"
    )
    report = multipart(
        "report; report-type=disposition-notification",
        "=_receipt",
        text("Your message was displayed. That does not say that it was read.\n"),
        entity([("Content-Type", "message/disposition-notification")], facts),
    )
    return Letter("receipt.1", "Read: Translation", report, sender="mary@society.example")


_COUNTS = {"total-successful-session-count": 41, "total-failure-session-count": 2}


def tls_report() -> Letter:
    facts = {
        "organization-name": "Society",
        "report-id": "demo-1",
        "policies": [{"summary": _COUNTS}],
    }
    file = gzip.compress(json.dumps(facts).encode(), mtime=0)
    report = multipart(
        "report; report-type=tlsrpt",
        "=_tlsrpt",
        text("A report on encryption towards demo.localhost: 41 sessions, 2 failed.\n"),
        attachment("application/tlsrpt+gzip", "society.example!demo.localhost.json.gz", file),
    )
    return Letter(
        "tlsrpt.1",
        "Report Domain: demo.localhost Submitter: society.example",
        report,
        sender="tls-reports@society.example",
        headers=(("TLS-Report-Domain", "demo.localhost"), ("TLS-Required", "No")),
    )


def phish() -> Letter:
    page = (
        "<p>Dear customer,</p><p>your account was <b>locked</b>. Unlock it within 24 hours:</p>\n"
        '<p><a href="https://bank.example.login-check.example/ada">https://bank.example/login</a></p>\n'
    )
    return Letter(
        "phish.1",
        "Your account was locked",
        text(page, subtype="html"),
        sender=person("Your Bank", "security@bank.example.login-check.example"),
        headers=(("Authentication-Results", "localhost; spf=fail; dkim=none; dmarc=fail"),),
    )


def look_alike() -> Letter:
    """The name is an address that is not the sender's, and two letters are Cyrillic."""
    name = encode_words("Gr\u0430ce H\u043epper grace@demo.localhost")
    return Letter(
        "phish.2",
        "Quick favour",
        text("Are you at your desk? I need four gift cards before noon.\n"),
        sender=f"{name} <grace.hopper@mail-box.example>",
        headers=(("Reply-To", "grace.hopper@another-box.example"),),
    )


def forged() -> Letter:
    return Letter(
        "forged.1",
        "Payroll: confirm your details",
        text("Reply with your account number.\n"),
        sender=person("Payroll", "payroll@demo.localhost"),
        headers=(
            (
                "Authentication-Results",
                "localhost; spf=softfail; dkim=fail; dmarc=fail (p=reject)",
            ),
            (
                "Received",
                "from mailer.example (mailer.example [192.0.2.66]) by localhost with ESMTP",
            ),
        ),
    )


def in_the_clear() -> Letter:
    return Letter(
        "clear.1",
        "This came without encryption",
        text("The server that sent this does not speak TLS. Anybody on the way could read it.\n"),
        sender=person("Old Mill", "post@mill.example"),
        headers=(
            ("Received", "from mill.example (mill.example [192.0.2.9]) by localhost with SMTP"),
        ),
    )
