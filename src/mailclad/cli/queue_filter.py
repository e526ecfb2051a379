"""Which queued messages are meant: ids, or options that all must hold."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from mailclad.mail.address import AddressProblem, check_domain, normalise_domain
from mailclad.store.queue import QueueFilter, QueueId, RecipientState
from mailclad.store.queue_name import parse_queue_name

F = TypeVar("F", bound=Callable[..., Any])

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SPAN = re.compile(r"([0-9]{1,6})\s?(s|m|h|d)")
_STATES = (RecipientState.WAITING, RecipientState.LEASED, RecipientState.HELD)


def span_of(text: str) -> int:
    """``30m``, ``4h``, ``2d``; in seconds."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise click.BadParameter("Write a number and a unit: 30m, 4h or 2d.")
    return int(found[1]) * _SECONDS[found[2]]


def queue_id_of(text: str) -> QueueId:
    found = parse_queue_name(text)
    if found is None:
        raise click.BadParameter(f"{text!r} is no queue id. To see them: mailclad queue list")
    return found


def destination_of(text: str) -> str:
    try:
        check_domain(text)
        return normalise_domain(text)
    except AddressProblem as problem:
        raise click.BadParameter(f"{text!r}: {problem}.") from None


def filter_options(command: F) -> F:
    """Handed in as ``sender``, ``to_domain``, ``older_than`` and ``state``."""
    for option in (
        click.option(
            "--state",
            type=click.Choice(list(map(str, _STATES))),
            help="For somebody in this state.",
        ),
        click.option(
            "--older-than", metavar="TIME", type=span_of, help="Waiting for longer: 30m, 4h, 2d."
        ),
        click.option(
            "--to-domain",
            metavar="DOMAIN",
            type=destination_of,
            help="For somebody at this domain.",
        ),
        click.option("--sender", metavar="ADDRESS", help="From this address; <> for notices."),
    ):
        command = option(command)
    return command


def read_filter(
    now: int,
    sender: str | None,
    to_domain: str | None,
    older_than: int | None,
    state: str | None,
) -> QueueFilter:
    return QueueFilter(
        sender="" if sender == "<>" else sender,
        destination=to_domain,
        queued_before=None if older_than is None else now - older_than,
        state=None if state is None else RecipientState(state),
    )
