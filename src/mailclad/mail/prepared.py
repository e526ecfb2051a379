"""What is computed once, when a message arrives, and stored beside it.

Made by ``protocols.imap.prepare`` from one scan of the octets; the store keeps
it as opaque values, so no reader ever has to parse a message to list it.
"""

import msgspec

PREPARED_VERSION = 1
"""Raised when the rendering changes; a row of an older version is rendered anew when read."""


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """Everything that lists, searches and partial fetches need of one message.

    Rendered for FETCH, in parentheses: ``envelope``, ``body_structure`` (with extension
    data) and ``body`` (without).  ``fields`` holds the header fields that mail programs
    list, as they stand in the message (see ``mail.headers.LISTED``).  ``parts`` is the map
    of part offsets (``mail.mime.pack_parts``).  The decoded texts are folded
    (``str.casefold``, NFC) for SEARCH; ``preview`` is for people.
    ``sent_at`` is the Date field in seconds since 1970 UTC, ``sent_day`` the first second of
    the day it names, or None.
    """

    version: int
    octets: int
    envelope: bytes
    body_structure: bytes
    body: bytes
    fields: bytes
    parts: bytes
    preview: str
    subject: str
    from_: str
    to: str
    cc: str
    bcc: str
    message_id: str
    sent_at: int | None
    sent_day: int | None
