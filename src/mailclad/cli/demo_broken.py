"""mailclad demo --broken: mail servers that are broken, each in its own way, to learn from."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from mailclad.app.open import ensure_directory
from mailclad.cli.context import done, say
from mailclad.cli.demo_broken_words import how_to_try, json_line, table
from mailclad.cli.trouble import Trouble
from mailclad.testing.zoo.ports import NUMBERS
from mailclad.testing.zoo.zoo import PortTaken, Zoo, all_exhibits

_ENDS = (signal.SIGINT, signal.SIGTERM)


def list_broken(begin: int, names: Sequence[str], *, as_json: bool) -> None:
    """Show what there is, without starting it."""
    known(names)
    exhibits = [one for one in all_exhibits(begin) if not names or one.name in names]
    if as_json:
        click.echo(json_line(exhibits, None))
    else:
        say("\n".join(table(exhibits)).lstrip("\n"))


def show_broken(directory: Path, begin: int, names: Sequence[str], *, as_json: bool) -> None:
    """Serve until a signal; leaves the authority's file behind, which is worth nothing then."""
    known(names)
    ensure_directory(directory)
    # The zoo's thread shall not get them; whoever is started after it shall.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    ca = directory / "broken-ca.pem"
    try:
        with Zoo(*sorted(names, key=lambda name: NUMBERS[name]), begin=begin) as zoo:
            ca.write_bytes(zoo.ca.read_bytes())
            _tell(zoo, ca, as_json=as_json)
            signal.sigwait(_ENDS)
    except PortTaken as problem:
        raise Trouble(
            f"{problem} Choose others: mailclad demo --broken --port-offset 30000"
        ) from None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if not as_json:
        say("Stopped.")


def known(names: Sequence[str]) -> None:
    unknown = sorted(set(names) - set(NUMBERS))
    if unknown:
        raise Trouble(
            f"There is no broken server {', '.join(unknown)}. "
            "They are all named by: mailclad demo --broken --list"
        )


def _tell(zoo: Zoo, ca: Path, *, as_json: bool) -> None:
    exhibits = list(zoo.values())
    if as_json:
        click.echo(json_line(exhibits, ca))
    else:
        broken = sum(bool(one.finds) for one in exhibits)
        done(f"{broken} broken mail servers and {len(exhibits) - broken} that are well")
        say("\n".join(table(exhibits)))
        say(how_to_try(exhibits, ca))
    sys.stdout.flush()
