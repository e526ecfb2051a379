"""An engine with the smallest session behind it: every command that arrives is answered OK."""

from mailclad.base.tls_policy import TlsFacts
from mailclad.protocols.imap import commands
from mailclad.protocols.imap.commands import Command
from mailclad.protocols.imap.connection import Close, ServerConnection, Terms, UpgradeToTls
from mailclad.protocols.imap.gates import State
from mailclad.protocols.imap.responses import (
    CAPABILITY_CODE,
    Bye,
    CapabilityData,
    Condition,
    Reply,
)

TLS = TlsFacts(
    "TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519", b"imap", "mail.example", False,
    lambda: None, lambda: b"",
)  # fmt: skip
"""A handshake that never was."""


class MemorySpool:
    """A spool of bytes that counts how many are open."""

    open = 0

    def __init__(self) -> None:
        self._octets = bytearray()
        self.closed = False
        MemorySpool.open += 1

    @property
    def octets(self) -> int:
        return len(self._octets)

    def write(self, data: bytes) -> None:
        assert not self.closed
        self._octets += data

    def view(self) -> bytes:
        return bytes(self._octets)

    def prepend(self, data: bytes) -> None:
        self._octets[:0] = data

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            MemorySpool.open -= 1


def mechanisms(tls: TlsFacts | None) -> tuple[str, ...]:
    return ("SCRAM-SHA-256", "PLAIN") if tls else ()


TERMS = Terms(MemorySpool, mechanisms, starttls=True, append_octets=100_000)

_BECOMES = {
    commands.Login: State.AUTHENTICATED,
    commands.AuthenticateResponse: State.AUTHENTICATED,
    commands.Select: State.SELECTED,
    commands.Close: State.AUTHENTICATED,
    commands.Unselect: State.AUTHENTICATED,
    commands.Logout: State.LOGOUT,
}


class Talk:
    """``feed`` what a client sends, get what the server says; ``commands`` are what arrived."""

    def __init__(
        self,
        state: State = State.NOT_AUTHENTICATED,
        tls: TlsFacts | None = TLS,
        terms: Terms = TERMS,
    ) -> None:
        self.connection = ServerConnection(terms, tls)
        self.connection.state = state
        self.commands: list[Command] = []
        self.messages: list[bytes] = []
        self.closed: list[str] = []
        self.upgrades = 0

    def feed(self, data: bytes) -> bytes:
        self.connection.receive_data(data)
        return self.run()

    def run(self) -> bytes:
        while (event := self.connection.next_event()) is not None:
            match event:
                case Close(why):
                    self.closed.append(why)
                case UpgradeToTls():
                    self.upgrades += 1
                case _:
                    self._carry_out(event)
        return self.connection.data_to_send()

    def _carry_out(self, command: Command) -> None:
        connection = self.connection
        self.commands.append(command)
        match command:
            case commands.Authenticate():
                connection.challenge(command, b"challenge")
                return
            case commands.AuthenticateResponse(data=None):
                connection.reply(command, Reply(Condition.BAD, "cancelled"))
                return
            case commands.Idle():
                connection.idle(command)
                return
            case commands.Capability():
                connection.send(CapabilityData())
            case commands.Logout():
                connection.send(Bye("see you"))
            case commands.Append():
                self.messages += [message.message.view()[:] for message in command.messages]
            case _:
                pass
        connection.state = _BECOMES.get(type(command), connection.state)
        code = CAPABILITY_CODE if isinstance(command, commands.Login) else None
        connection.reply(command, Reply(Condition.OK, "done", code))
