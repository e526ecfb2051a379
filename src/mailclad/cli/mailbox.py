"""mailclad mailbox: take mail in from files, or write it out."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mailclad.app.open import Opened
from mailclad.cli.context import config_option, done, json_option, say, say_json, with_store
from mailclad.cli.progress import progress_bar
from mailclad.cli.trouble import EXIT_FOUND_PROBLEMS
from mailclad.mail.address import parse_address
from mailclad.services.transfer.exporting import export_mailbox
from mailclad.services.transfer.importing import import_mailbox, journal_path
from mailclad.services.transfer.model import Exported, Imported, Kind, Progress, Step

TROUBLES_SHOWN = 20

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def _kind_option(command: F) -> F:
    return click.option(
        "--format",
        "kind",
        type=click.Choice([str(kind) for kind in Kind]),
        help="How the mail lies there; found out if not told.",
    )(command)


@click.group()
def mailbox() -> None:
    """Take mail in from files, or write it out."""


@mailbox.command("import")
@click.argument("address")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@_kind_option
@click.option("--into", help="Put everything below this mailbox.")
@config_option
@json_option
def import_(
    address: str,
    source: Path,
    kind: str | None,
    into: str | None,
    config_file: Path,
    as_json: bool,
) -> None:
    """Take the mail at SOURCE (Maildir, mbox, or .eml files) into the mailboxes of ADDRESS.

    Can be broken off at any time: the same command goes on where it ended and makes no
    duplicates. Ends with status 3 when something was left out.
    """
    chosen = Kind(kind) if kind else kind_of(source)

    async def action(things: Opened, progress: Progress) -> Imported:
        owner = await things.store.find_account(parse_address(address).normalised)
        journals = things.directory / "imports"
        journals.mkdir(mode=0o700, exist_ok=True)
        journal = journal_path(journals, owner.id, source, into)
        return await import_mailbox(
            things.store, owner.id, source, chosen, into, progress, journal=journal
        )

    result = _with_progress(config_file, "Taking mail in", as_json, action)
    if as_json:
        say_json(_imported(result))
    else:
        before = f"; {result.known:,} were here already" if result.known else ""
        done(f"{_messages(result.messages)} ({result.octets:,} octets) taken in{before}.")
        for trouble in result.troubles[:TROUBLES_SHOWN]:
            say(f"! left out: {trouble.place}: {trouble.cause}")
    if result.left_out:
        if not as_json:
            say(f"{result.left_out:,} were left out. The rest is safe.")
        click.get_current_context().exit(EXIT_FOUND_PROBLEMS)


@mailbox.command("export")
@click.argument("address")
@click.argument("target", type=click.Path(path_type=Path))
@_kind_option
@click.option("--mailbox", "name", help="Only this mailbox.")
@config_option
@json_option
def export(
    address: str,
    target: Path,
    kind: str | None,
    name: str | None,
    config_file: Path,
    as_json: bool,
) -> None:
    """Write the mail of ADDRESS to TARGET, as a Maildir if not told otherwise.

    Run again, it writes what is new since then.
    """

    async def action(things: Opened, progress: Progress) -> Exported:
        owner = await things.store.find_account(parse_address(address).normalised)
        form = Kind(kind or Kind.MAILDIR)
        return await export_mailbox(things.store, owner.id, target, form, progress, mailbox=name)

    result = _with_progress(config_file, "Writing mail", as_json, action)
    if as_json:
        say_json(
            {"mailboxes": result.mailboxes, "messages": result.messages, "octets": result.octets}
        )
        return
    done(f"{_messages(result.messages)} written to {target}.")


def kind_of(source: Path) -> Kind:
    """A file is an mbox or one message, a folder with ``cur`` and ``new`` a Maildir."""
    if source.is_file():
        return Kind.EML if source.suffix.lower() == ".eml" else Kind.MBOX
    if (source / "cur").is_dir() and (source / "new").is_dir():
        return Kind.MAILDIR
    return Kind.EML


def _with_progress(
    config_file: Path,
    what: str,
    as_json: bool,
    action: Callable[[Opened, Progress], Awaitable[T]],
) -> T:
    with progress_bar(what, shown=not as_json) as show:

        def progress(step: Step) -> None:
            show(step.done, step.total)

        return with_store(config_file, lambda things: action(things, progress))


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"


def _imported(result: Imported) -> dict[str, object]:
    return {
        "messages": result.messages,
        "octets": result.octets,
        "known": result.known,
        "left_out": result.left_out,
        "troubles": [{"place": t.place, "cause": t.cause} for t in result.troubles],
    }
