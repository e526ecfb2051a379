"""The few facts that stand in two places agree."""

import pytest

from mailclad.protocols.imap import commands
from mailclad.protocols.imap.commands import Command
from mailclad.protocols.imap.gates import ANY, GATES, LOGGED_IN, SELECTED, STRANGER
from mailclad.protocols.imap.parse import PARSERS
from mailclad.sessions.imap import refusals
from mailclad.sessions.imap.refusals import NotDecodable, NotInMailbox, refusal
from mailclad.sessions.imap.session import Authenticated, Authenticating, Selected, Session
from mailclad.sessions.imap.table import BY_COMMAND, ROWS
from mailclad.store.errors import StoreProblem

NEEDS = {ANY: Session, LOGGED_IN: Authenticated, SELECTED: Selected, STRANGER: Session}
ENGINE_ONLY = {"STARTTLS"}
CONTINUATIONS = {commands.AuthenticateResponse: Authenticating, commands.Done: Authenticated}
SHARED = {"EXAMINE": "SELECT"}
COMMANDS = {
    one
    for one in vars(commands).values()
    if isinstance(one, type) and issubclass(one, Command) and one is not Command
}


def named(command: str) -> type[Command]:
    name = SHARED.get(command, command).removeprefix("UID ")
    return {one.__name__.upper(): one for one in COMMANDS}[name]


def test_every_gate_has_a_parser_and_a_row_that_needs_the_same_state() -> None:
    assert GATES.keys() - ENGINE_ONLY == PARSERS.keys()
    for name in PARSERS:
        assert BY_COMMAND[named(name)].needs is NEEDS[GATES[name].states], name


def test_every_command_has_exactly_one_row() -> None:
    assert len(ROWS) == len(BY_COMMAND)
    assert BY_COMMAND.keys() == COMMANDS
    for command, needs in CONTINUATIONS.items():
        assert BY_COMMAND[command].needs is needs


def test_every_refusal_of_the_store_reads_in_imap() -> None:
    assert set(StoreProblem.__subclasses__()) == refusals._CODES.keys()


@pytest.mark.parametrize("problem", [*StoreProblem.__subclasses__(), NotDecodable, NotInMailbox])
def test_a_refusal_never_shows_the_problems_own_text(problem: type[Exception]) -> None:
    """It may name files or other people's addresses."""
    assert "/srv/packs/7" not in refusal(problem("/srv/packs/7")).reply.text
