"""Samples that are hard to read well: scripts, encodings, nested and awkward messages."""

# ruff: noqa: E501 - sample texts stand in one piece

from collections.abc import Iterator

from mailclad.app.demo_letters import Letter
from mailclad.app.demo_mime import attachment, entity, multipart, person, png, text

_JAPANESE = "春は、あけぼの。やうやう白くなりゆく山ぎは、すこし明かりて。"
_ARABIC = "مرحبا آدا،\n\nهل قرأتِ كتاب الجبر والمقابلة؟ سأرسله لكِ غدًا، مع 3 صور.\n\nتحياتي\n"


def all_of_them() -> Iterator[Letter]:
    yield from _scripts()
    yield from _texts()
    yield from _nested()
    yield from _bare()


def _scripts() -> Iterator[Letter]:
    writer = person("清少納言", "sei@makura.example")
    yield Letter(
        "ja.1", "枕草子(JIS)", text(_JAPANESE + "\n", charset="iso-2022-jp", encoding="7bit"),
        sender=writer, charset="iso-2022-jp",
    )  # fmt: skip
    yield Letter("ja.2", "枕草子(UTF-8)", text(_JAPANESE + "\n", encoding="base64"), sender=writer)
    yield Letter(
        "ar.1",
        "كتاب الجبر",
        text(_ARABIC),
        sender=person("الخوارزمي", "khwarizmi@algebra.example"),
    )
    yield Letter(
        "fa.1", "می‌خواهم بپرسم", text("نیم‌فاصله‌ها باید بمانند.\n", encoding="8bit"),
        sender=person("عمر خیام", "omar@khayyam.example"),
    )  # fmt: skip
    yield Letter(
        "ru.1", "Счёты", text("Считать можно и на счётах.\n", charset="koi8-r", encoding="8bit"),
        sender=person("Софья", "sofia@kovalevskaya.example"),
    )  # fmt: skip
    yield Letter(
        "emoji.1", "🎉 It counts! 👩🏽‍💻🧮🇬🇧", text("🧮➕🧮 = 🎉\n\nZWJ: 👩🏽‍💻, flags: 🇬🇧🇯🇵\n")
    )


def _texts() -> Iterator[Letter]:
    flowed = (
        "This paragraph is one line for a program that knows format=flowed, \n"
        "and three lines for one that does not. It ends \nhere.\n\n"
        "> Quoted text flows \n> too.\n\n-- \nGrace\n"
    )
    yield Letter("flowed.1", "Lines that flow", text(flowed, more="; format=flowed; delsp=no"))
    odd = (
        b"A soft break in a w=\r\nord, an equals sign =3D, a trailing blank=20\r\n"
        b".a line that begins with a dot\r\nFrom a line that begins like an mbox separator\r\n"
        b"lower case =c3=a9, a lone = sign, an escape that is none =ZZ\r\n"
        + b"x" * 70
        + b"=\r\n"
        + b"y" * 70
        + b"\r\n"
    )
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", "Quoted-Printable"),
    ]
    yield Letter("qp.1", "Quoted-printable, and not quite", entity(headers, odd))
    yield Letter(
        "latin.1",
        "Größe, façade, señor",
        text("Grüße aus Köln, façade, señor\n", charset="iso-8859-1", encoding="8bit"),
    )
    subject = "A very long subject that goes on and on, " * 12 + "until it stops"
    yield Letter("long.1", subject.replace(" and on, A", "\r\n and on, A"), text("See above.\n"))
    patch = "--- a/engine.py\n+++ b/engine.py\n@@ -1 +1 @@\n-wheel = 9\n+wheel = 10\n-- \n2.39.5\n"
    yield Letter("patch.1", "[PATCH 1/2] engine: carry the tens", text(patch))
    yield Letter("empty.1", "", b"\r\n")


def _nested() -> Iterator[Letter]:
    inner = (
        b"From: Charles Babbage <charles@engine.example>\r\nTo: Grace Hopper <grace@demo.localhost>\r\n"
        b"Subject: The original\r\nDate: Mon, 01 Jan 2024 12:00:00 +0000\r\n"
        b"Message-ID: <original@engine.example>\r\nMIME-Version: 1.0\r\n"
        + multipart(
            "mixed",
            "=_inner",
            text("Inside.\n"),
            attachment("image/png", "dot.png", png(16, 16, 3)),
        )
    )
    wrapped = b"Subject: Fwd: The original\r\nMIME-Version: 1.0\r\n" + multipart(
        "mixed", "=_middle", text("Once.\n"), entity([("Content-Type", "message/rfc822")], inner)
    )
    twice = multipart(
        "mixed",
        "=_outer",
        text("A message in a message in a message.\n"),
        entity(
            [
                ("Content-Type", 'message/rfc822; name="forwarded.eml"'),
                ("Content-Disposition", "attachment"),
            ],
            wrapped,
        ),
    )
    yield Letter("nested.1", "Fwd: Fwd: The original", twice)
    items = [
        b"\r\nSubject: Item %d\r\nFrom: list@society.example\r\n\r\nText %d.\r\n" % (n, n)
        for n in (1, 2, 3)
    ]
    yield Letter(
        "digest.1", "Society digest, number 7", multipart("digest", "=_digest", *items),
        sender=person("Society", "list@society.example"),
    )  # fmt: skip
    name = (
        "Content-Disposition: attachment;\r\n filename*0*=utf-8''%E2%82%AC%20prices%20and%20;\r\n"
        ' filename*1*=na%C3%AFve%20;\r\n filename*2="plans.txt"\r\n'
    )
    file = (
        b"Content-Type: text/plain; charset=utf-8\r\n"
        + name.encode()
        + b"\r\nA file with a long name.\r\n"
    )
    yield Letter(
        "name.1",
        "A file name in three pieces",
        multipart("mixed", "=_name", text("Here.\n"), file),
    )
    card = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Grace Hopper\r\nEMAIL:grace@demo.localhost\r\nEND:VCARD\r\n"
    yield Letter(
        "card.1", "My card", multipart("mixed", "=_card", text("As you asked.\n"), attachment("text/vcard", "grace.vcf", card.encode()))
    )  # fmt: skip


def _bare() -> Iterator[Letter]:
    """Messages that do as they please."""
    yield Letter(
        "utf8.1",
        whole="From: Zoë <zoë@exämple.example>\r\nTo: ada@demo.localhost\r\n"
        "Subject: Header in UTF-8, without encoded words: naïve\r\nDate: @DATE@\r\n"
        "Message-ID: <utf8.1@demo.localhost>\r\n\r\nRFC 6532 allows it.\r\n".encode(),
    )
    yield Letter(
        "bcc.1",
        whole=b"From: someone@society.example\r\nTo: Undisclosed recipients:;\r\nDate: @DATE@\r\n"
        b"Subject: To nobody in particular\r\n\r\nNo MIME, no Message-ID.\r\n",
    )
    yield Letter(
        "broken.1",
        whole=b"From: list@society.example\r\nTo: ada@demo.localhost\r\nDate: @DATE@\r\n"
        b"Subject: An end that never comes\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="never"\r\n\r\n--never\r\n\r\nThe last boundary '
        b"is missing.\r\n",
    )
