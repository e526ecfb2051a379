"""What a milter wants changed, as an opinion of a guard.

Comes in: a milter's changes, in its order.  Goes out: one Opinion.  A change that makes no sense
(no address, no field) is left out, and the log says so: the milter is wrong, not the message.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from mailclad.base.octets import NewSpool
from mailclad.mail.address import Address, AddressProblem, parse_address
from mailclad.protocols.milter.answer import (
    AddField,
    AddRecipient,
    Change,
    ChangeField,
    ChangeSender,
    DeleteRecipient,
    InsertField,
    Quarantine,
    ReplaceBody,
)
from mailclad.protocols.smtp.command import Mail
from mailclad.services.receive.guard import Arrived, MailFrom, Opinion
from mailclad.services.receive.header_edit import (
    BadField,
    HeaderEdit,
    clean_body,
    make_field,
    rewritten,
    split_message,
)

_log = structlog.get_logger()


def opinion_of(
    changes: Sequence[Change],
    sender: MailFrom,
    message: Arrived,
    new_spool: NewSpool,
    *,
    blank: bool,
) -> Opinion:
    """``blank``: the milter leaves the blank behind a colon to us."""
    header, body_at = split_message(message.octets, message.start)
    edit = HeaderEdit(message.fields, header)
    envelope = _Envelope(sender.mail, message.recipients)
    body: list[bytes] = []
    junk = ""
    for change in changes:
        try:
            match change:
                case ReplaceBody(octets):
                    body.append(octets)
                case Quarantine(reason):
                    junk = junk or reason.decode(errors="replace") or "a filter wants it apart"
                case AddField() | InsertField() | ChangeField():
                    _edit(edit, change, blank=blank)
                case _:
                    envelope.change(change)
        except (BadField, AddressProblem, UnicodeDecodeError) as problem:
            kind = type(change).__name__
            _log.warning("milter's change left out", change=kind, reason=str(problem))
    new_header = edit.header()
    new_body = clean_body(b"".join(body)) if body else None
    replaced = None
    if new_header is not None or new_body is not None:
        kept = header if new_header is None else new_header
        replaced = rewritten(message.octets, kept, new_body, body_at, new_spool)
    return Opinion(
        fields=edit.above(),
        junk=junk,
        replaced=replaced,
        recipients=envelope.recipients,
        mail=envelope.mail,
    )


def _edit(edit: HeaderEdit, change: AddField | InsertField | ChangeField, *, blank: bool) -> None:
    if isinstance(change, ChangeField) and not change.value:
        edit.change(change.name, change.index, b"")
        return
    field = make_field(change.name, change.value, blank=blank)
    match change:
        case AddField():
            edit.add(field)
        case InsertField(index):
            edit.insert(max(index - 1, 0), field)
        case ChangeField(index, name):
            edit.change(name, index, field)


class _Envelope:
    """None where nothing has changed."""

    def __init__(self, mail: Mail, recipients: tuple[Address, ...]) -> None:
        self._mail = mail
        self._recipients = recipients
        self.mail: Mail | None = None
        self.recipients: tuple[Address, ...] | None = None

    def change(self, change: AddRecipient | DeleteRecipient | ChangeSender) -> None:
        """Raises AddressProblem or UnicodeDecodeError."""
        path = change.path.decode().strip().removeprefix("<").removesuffix(">")
        if isinstance(change, ChangeSender):
            sender = parse_address(path) if path else None
            self.mail = replace(self._mail, reverse_path=sender)
            return
        address = parse_address(path)
        now = self._recipients if self.recipients is None else self.recipients
        others = tuple([one for one in now if one.normalised != address.normalised])
        added = isinstance(change, AddRecipient)
        if added and len(others) < len(now):
            return
        self.recipients = (*others, address) if added else others
