"""Commands of any state and of login; the tables that must agree."""

import pytest

from mailclad.protocols.imap import commands
from mailclad.protocols.imap.commands import Command
from mailclad.protocols.imap.gates import GATES
from mailclad.protocols.imap.parse import ID_FIELDS, LOGIN_OCTETS, PARSERS
from tests.protocols.imap.parsed import parsed, refused


def test_every_command_has_a_gate_and_a_parser() -> None:
    assert GATES.keys() == PARSERS.keys() | {"STARTTLS"}


LINES = [
    "CAPABILITY", "NOOP", "LOGOUT", "ID NIL", "AUTHENTICATE PLAIN", "LOGIN a b", "ENABLE X",
    "SELECT a", "CREATE a", "DELETE a", "RENAME a b", "SUBSCRIBE a", "UNSUBSCRIBE a", 'LIST "" *',
    'LSUB "" *', "NAMESPACE", "IDLE", "CHECK", "CLOSE", "STATUS a (SIZE)", "UNSELECT", "EXPUNGE",
    "SEARCH ALL", "FETCH 1 FAST", "STORE 1 FLAGS x", "COPY 1 a", "MOVE 1 a",
]  # fmt: skip


def test_every_command_class_can_be_made() -> None:
    """By a line here, but for those that continue another command."""
    made = {type(parsed(line)).__name__ for line in LINES}
    continued = {"Append", "AuthenticateResponse", "Done"}

    assert made | continued == {command.__name__ for command in Command.__subclasses__()}


@pytest.mark.parametrize("name", ["CAPABILITY", "NOOP", "LOGOUT", "NAMESPACE", "IDLE", "CHECK",
                                  "CLOSE", "UNSELECT", "EXPUNGE"])  # fmt: skip
def test_bare_commands_take_nothing(name: str) -> None:
    assert parsed(name.lower()).tag == "a"
    assert refused(name + " x").text == "unexpected text after the command"


@pytest.mark.rfc("9051", "6.2.3")
def test_login() -> None:
    login = parsed('LOGIN "jo@example.org" "p w\\"d"')

    assert isinstance(login, commands.Login)
    assert login.login == "jo@example.org"
    assert login.password.reveal() == b'p w"d'
    assert refused("LOGIN jo").text
    assert refused("LOGIN jo " + "x" * (LOGIN_OCTETS + 1)).text


def test_authenticate_takes_a_mechanism_of_rfc_4422() -> None:
    assert parsed("AUTHENTICATE SCRAM-sha-256-PLUS") == commands.Authenticate(
        "a", "SCRAM-SHA-256-PLUS", None
    )
    for text in (
        "AUTHENTICATE",
        "AUTHENTICATE ",
        "AUTHENTICATE PLAIN ==",
        "AUTHENTICATE " + "X" * 21,
    ):
        assert refused(text).text


@pytest.mark.rfc("9051", "6.3.1")
def test_enable() -> None:
    assert parsed("ENABLE imap4rev2 X-y") == commands.Enable("a", ("IMAP4REV2", "X-Y"))
    assert refused("ENABLE").text


@pytest.mark.rfc("2971", "3.3")
def test_id() -> None:
    assert parsed('ID ("name" "x" "os" NIL)') == commands.Id("a", (("name", "x"), ("os", None)))
    assert parsed("ID ()") == commands.Id("a", ())
    assert parsed("ID nil") == commands.Id("a", ())
    fields = " ".join(['"a" "b"'] * ID_FIELDS)
    assert parsed(f"ID ({fields})").tag
    assert refused(f'ID ({fields} "a" "b")').text == "too many ID fields"
    assert refused(f'ID ("{"n" * 31}" "x")').text
    assert refused(f'ID ("n" "{"x" * 1_025}")').text
    assert refused("ID").text
