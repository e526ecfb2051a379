"""Hooks in a running server, through its real ports; what docs/howto/hooks.md shows works."""

import re
import smtplib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

import mailclad.testing
from mailclad.app.hook_files import HookProblem, load_hooks
from mailclad.hooks import Client, Defer, Hooks, MailFrom, Message, Refuse
from tests.filters.served import ADA, BOB, GRACE, FilteredServer, message

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "hooks.md"
PROGRAMS = re.findall(r"^```python\n(.*?)^```", HOWTO.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def served() -> Iterator[Callable[[Hooks], FilteredServer]]:
    running: list[FilteredServer] = []

    def start(hooks: Hooks) -> FilteredServer:
        server = FilteredServer(hooks=hooks).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


Served = Callable[[Hooks], FilteredServer]


def test_the_file_of_the_howto(served: Served, tmp_path: Path) -> None:
    (tmp_path / "hooks.py").write_text(PROGRAMS[0])
    (hooks,) = load_hooks([tmp_path / "hooks.py"])
    server = served(hooks)
    server.add_account("robot@example.test")

    assert server.take(message("Win the Lottery"))[0] == 250
    assert server.take(message("maintenance")) == (451, b"4.7.1 Come back in an hour")
    assert server.take(message("for two", "Hello robot, please\n"))[0] == 250
    assert server.submit(message("lottery").replace(BOB.encode(), ADA.encode()))[0] == 250

    (junk,) = server.messages(ADA, "Junk")
    assert (junk["Subject"], junk["X-Looked-At"]) == ("Win the Lottery", "yes")
    assert [each["Subject"] for each in server.messages(ADA)] == ["for two"]
    assert [each["Subject"] for each in server.messages("robot@example.test")] == ["for two"]
    assert [each["X-Looked-At"] for each in server.messages(GRACE)] == [None]
    with smtplib.SMTP(*server.endpoint("smtp", "starttls")) as client:
        assert client.ehlo("localhost")[0] == 550
        client.ehlo("client.example")
        client.mail("")
        assert client.rcpt("robot@example.test") == (550, b"5.7.1 The robot gets no bounces")


def test_the_test_of_the_howto(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    class Sends(mailclad.testing.MailServer):
        def __exit__(self, *problem: object) -> None:
            with smtplib.SMTP(*self.endpoint("smtp", "starttls")) as client:
                client.sendmail(BOB, ADA, message("noted"))
            super().__exit__(None, None, None)

    monkeypatch.setattr(mailclad.testing, "MailServer", Sends, raising=False)
    exec(compile(PROGRAMS[1], str(HOWTO), "exec"), seen)
    assert seen["subjects"] == ["noted"]


def test_a_connection_is_refused_before_its_greeting(served: Served) -> None:
    hooks = Hooks()

    @hooks.connect
    async def nobody(client: Client) -> None:
        assert (client.peer, client.hello) == ("127.0.0.1", "")
        raise Refuse("Not you", code=554)

    with pytest.raises(smtplib.SMTPConnectError) as caught:
        smtplib.SMTP(*served(hooks).endpoint("smtp", "starttls"))
    assert (caught.value.smtp_code, caught.value.smtp_error) == (554, b"5.7.1 Not you")


def test_a_hook_that_fails_loses_no_mail(served: Served) -> None:
    hooks = Hooks()

    @hooks.mail
    async def fails(sender: MailFrom) -> None:
        raise RuntimeError

    @hooks.message
    async def fails_too(message: Message) -> None:
        message.discard()
        raise RuntimeError

    server = served(hooks)
    with capture_logs() as logs:
        assert server.take(message())[0] == 250
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["hook failed"] * 2
    assert len(server.octets(ADA)) == 1


def test_one_recipient_waits_the_other_does_not(served: Served) -> None:
    hooks = Hooks()

    @hooks.recipient
    async def later(sender: MailFrom, recipient: object) -> None:
        if not sender.recipients:
            raise Defer("One after the other")

    with smtplib.SMTP(*served(hooks).endpoint("smtp", "starttls")) as client:
        client.ehlo()
        client.mail(BOB)
        assert client.rcpt(ADA)[0] == 451


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "has no hooks. It needs a line like: hooks = Hooks()"),
        ("def f(:", "line 1: this is not Python: invalid syntax"),
        ("\n\n1 / 0", "line 3: ZeroDivisionError: division by zero"),
        ("import nowhere_to_be_found", "line 1: ModuleNotFoundError: No module named"),
        (
            "from mailclad.hooks import Hooks\nhooks = Hooks()\n@hooks.mail\ndef f(x): ...",
            "TypeError: f must be an “async def”",
        ),
    ],
)
def test_a_file_that_cannot_be_used(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "hooks.py"
    file.write_text(text)
    with pytest.raises(HookProblem) as caught:
        load_hooks([file])
    assert str(caught.value).startswith(f"{file}: ")
    assert said in str(caught.value)


def test_a_file_that_is_not_there_or_not_python(tmp_path: Path) -> None:
    with pytest.raises(HookProblem, match="cannot be read: No such file"):
        load_hooks([tmp_path / "none.py"])
    with pytest.raises(HookProblem, match=r"its name does not end with \.py"):
        load_hooks([tmp_path / "hooks.txt"])
