"""Replies: a code, an enhanced status code and plain words (RFC 5321 §4.2, RFC 2034, RFC 3463).

No text here repeats what a client sent: an answer must not carry a stranger's words into a
terminal, a log or a browser.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """``text`` may have several lines; ``status`` is empty only where RFC 2034 §4 has none."""

    code: int
    status: str
    text: str

    def encode(self) -> bytes:
        """The octets on the wire."""
        head = f"{self.code} {self.status} " if self.status else f"{self.code} "
        if "\n" not in self.text:
            return f"{head}{self.text}\r\n".encode()
        lines = self.text.split("\n")
        more = "-".join((head[:3], head[4:]))
        return "".join(
            [f"{more}{line}\r\n" for line in lines[:-1]] + [f"{head}{lines[-1]}\r\n"]
        ).encode()

    @property
    def line(self) -> str:
        """On one line, as a person quotes it."""
        return " ".join(filter(None, (str(self.code), self.status, *self.text.split("\n"))))

    @property
    def is_positive(self) -> bool:
        return self.code < 400

    @property
    def is_permanent(self) -> bool:
        """A no that is the same tomorrow."""
        return self.code >= 500


def greeting(host_name: str, *, lmtp: bool = False) -> Reply:
    """The first line of a conversation (RFC 5321 §4.2)."""
    return Reply(220, "", f"{host_name} {'LMTP' if lmtp else 'ESMTP'}")


OK = Reply(250, "2.0.0", "OK")
BYE = Reply(221, "2.0.0", "Bye")
SENDER_OK = Reply(250, "2.1.0", "Sender OK")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient OK")
CHUNK_OK = Reply(250, "2.0.0", "Chunk taken")
SEND_MESSAGE = Reply(354, "", "Send the message; a line with only a dot ends it")
START_TLS_NOW = Reply(220, "2.0.0", "Start TLS now")
CANNOT_VERIFY = Reply(252, "2.5.0", "Addresses are not confirmed here; send the message and see")

UNKNOWN_COMMAND = Reply(500, "5.5.2", "There is no such command")
NOT_OFFERED = Reply(502, "5.5.1", "This command is not offered here")
LOG_IN_ELSEWHERE = Reply(502, "5.5.1", "Nobody logs in on this port; mail programs use port 465")
TLS_FIRST = Reply(530, "5.7.0", "Encrypt the connection first: send STARTTLS")
LOG_IN_FIRST = Reply(530, "5.7.0", "Log in first: send AUTH")
TLS_IS_ON = Reply(503, "5.5.1", "The connection is encrypted already")
LOGGED_IN_ALREADY = Reply(503, "5.5.1", "You are logged in already")
LOGIN_CANCELLED = Reply(501, "5.7.0", "Log-in cancelled")
NOT_BASE64 = Reply(501, "5.5.2", "The response is not base64")
NO_VALID_RECIPIENTS = Reply(
    554, "5.5.1", "No recipient was accepted, so there is nobody to send to"
)
NO_BINARY_IN_DATA = Reply(503, "5.5.1", "A BINARYMIME message is sent with BDAT, not DATA")
MESSAGE_TOO_LARGE = Reply(552, "5.3.4", "The message is larger than this server takes")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients; send the rest in another message")
TOO_MANY_TRANSACTIONS = Reply(421, "4.7.0", "Many messages have come this way; connect again")
TOO_MANY_ERRORS = Reply(421, "4.7.0", "Too many errors; closing the connection")
TIMED_OUT = Reply(421, "4.4.2", "Waited too long; closing the connection")
SHUTTING_DOWN = Reply(421, "4.3.2", "The server is restarting; try again in a moment")
SPOKE_TOO_SOON = Reply(
    554, "5.5.1", "You went on before it was your turn; mail programs wait for the answer"
)
INTERNAL_ERROR = Reply(451, "4.3.0", "Something went wrong here; try again later")
