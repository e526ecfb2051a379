"""The few facts that stand in two places agree."""

from mailclad.protocols.pop3 import commands
from mailclad.protocols.pop3.commands import Command
from mailclad.protocols.pop3.connection import GATES, INSIDE, OUTSIDE, State
from mailclad.protocols.pop3.parse import PARSERS
from mailclad.sessions.pop3.refusals import REPLIES, refusal
from mailclad.sessions.pop3.session import Named, Session, Transaction
from mailclad.sessions.pop3.table import BY_COMMAND, ROWS
from mailclad.store.errors import StoreProblem

NEEDS: dict[frozenset[State], type[Session]] = {
    OUTSIDE: Session,
    OUTSIDE | INSIDE: Session,
    INSIDE: Transaction,
    frozenset({State.NAMED}): Named,
}


def test_every_command_has_a_gate_a_parser_and_a_row() -> None:
    by_name = {one.__name__.upper().encode(): one for one in Command.__subclasses__()}
    engine_only, no_keyword = {commands.Stls}, {commands.AuthResponse}

    assert GATES.keys() == PARSERS.keys()
    assert GATES.keys() == {k for k, one in by_name.items() if one not in no_keyword}
    assert BY_COMMAND.keys() == set(by_name.values()) - engine_only
    assert len(ROWS) == len(BY_COMMAND)
    for keyword, gate in GATES.items():
        if by_name[keyword] not in engine_only:
            assert BY_COMMAND[by_name[keyword]].needs is NEEDS[gate.states]


def test_every_refusal_of_the_store_reads_in_pop3() -> None:
    assert set(StoreProblem.__subclasses__()) == REPLIES.keys()
    for problem in REPLIES:
        reply = refusal(problem("text withheld"))
        assert not reply.good
        assert "withheld" not in reply.text
        if reply.code in {"SYS/TEMP", "SYS/PERM"}:
            assert problem.temporary == (reply.code == "SYS/TEMP")
