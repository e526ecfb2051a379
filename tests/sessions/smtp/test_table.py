"""The few facts that stand in two places agree."""

from collections.abc import Iterator

from mailclad.protocols.smtp import command
from mailclad.protocols.smtp.command import AuthResponse, Command, DataProblem, EndOfData
from mailclad.protocols.smtp.conversation import Conversation, Role
from mailclad.protocols.smtp.table import RULES, commands_for
from mailclad.services.auth import outcome as auth
from mailclad.services.receive.guard import Refused
from mailclad.services.receive.refusal import Refusal
from mailclad.sessions.smtp.refusals import REFUSALS, REPLIES, refusal, spoilt
from mailclad.sessions.smtp.table import BY_COMMAND
from mailclad.store.errors import StoreProblem

ARGUMENTS = {
    "HELO": "x",
    "EHLO": "x",
    "LHLO": "x",
    "AUTH": "PLAIN",
    "MAIL": "FROM:<>",
    "RCPT": "TO:<a@b>",
    "BDAT": "0",
    "VRFY": "x",
    "XCLIENT": "ADDR=192.0.2.1",
}


def below(problem: type[Exception]) -> Iterator[type[Exception]]:
    for each in problem.__subclasses__():
        yield each
        yield from below(each)


def test_every_command_has_a_rule_and_a_row() -> None:
    now = Conversation(Role.MX, encrypted=False, starttls=True)
    made = {type(rule.parse(ARGUMENTS.get(verb, ""), now)) for verb, rule in RULES.items()}
    made.discard(type(None))  # STARTTLS is the engine's own

    known = [each for each in vars(command).values() if isinstance(each, type)]
    commands = {each for each in known if issubclass(each, Command)} - {Command}

    assert BY_COMMAND.keys() == made | {AuthResponse, EndOfData} == commands


def test_every_refusal_reads_in_smtp() -> None:
    for base in (StoreProblem, Refusal):
        for problem in below(base):
            if not issubclass(problem, Refused):  # brings its own
                assert REPLIES[problem].code >= 400
    for problem in (
        auth.AuthenticationFailed,
        auth.AuthenticationMalformed,
        auth.AuthenticationUnavailable,
        auth.MechanismUnknown,
    ):
        assert issubclass(problem, REFUSALS)
        assert refusal(problem()).code >= 400
    assert refusal(OSError()).code == 452
    for spoiled in DataProblem:
        assert spoilt(spoiled).code >= 400


def test_what_is_temporary_is_a_4xx() -> None:
    for problem in below(StoreProblem):
        assert issubclass(problem, StoreProblem)
        if problem.temporary:
            assert REPLIES[problem].code < 500


def test_help_names_what_the_listener_has() -> None:
    assert "AUTH" in commands_for(Role.SUBMISSION)
    assert "AUTH" not in commands_for(Role.MX)
    assert "LHLO" in commands_for(Role.LMTP)
    assert "STARTTLS" not in commands_for(Role.LMTP)
