"""Marionette, by which Mozilla's programs let themselves be driven: the little that a person does.

Its protocol is JSON over TCP: each message is its length in decimal, a colon, and an array
``[type, number, command or error, parameters or result]``; type 0 asks, type 1 answers.
``in`` the windows of the program itself (context "chrome"), clicks and keys are those of WebDriver:
an element must be in view and nothing may lie over it.
"""

import base64
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""WebDriver's name for a reference to an element."""

ANSWER_SECONDS = 20.0


class Refused(Exception):
    """The program could not do it: WebDriver's word for why, and its text."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(f"{word}: {text}")
        self.word = word


class Marionette:
    """One session with one program."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._reader = stream.makefile("rb")
        self._number = 0
        self._read()  # it says what it is

    @classmethod
    @contextlib.contextmanager
    def connected(cls, port: int) -> Iterator[Self]:
        with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as stream:
            session = cls(stream)
            session.ask("WebDriver:NewSession", capabilities={"alwaysMatch": {}})
            session.ask("Marionette:SetContext", value="chrome")
            yield session

    def ask(self, command: str, **parameters: object) -> Any:
        self._number += 1
        octets = json.dumps([0, self._number, command, parameters]).encode()
        self._stream.sendall(b"%d:%b" % (len(octets), octets))
        _, number, refusal, result = self._read()
        assert number == self._number
        if refusal is not None:
            raise Refused(refusal["error"], refusal["message"])
        return result

    def _read(self) -> Any:
        digits = b""
        while (octet := self._reader.read(1)) != b":":
            assert octet, "the program has closed the connection"
            digits += octet
        return json.loads(self._reader.read(int(digits)))

    # --- looking ---

    def look(self, script: str, *arguments: object) -> Any:
        """What a script returns; it only looks."""
        return self.ask(
            "WebDriver:ExecuteScript", script=script, args=arguments, sandbox="system"
        ).get("value")

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.ask("WebDriver:TakeScreenshot", full=False)["value"]))

    def find(self, selector: str, seconds: float = 20.0) -> str:
        """A reference to the first element, once it is there and to be seen."""
        end = time.monotonic() + seconds
        while True:
            found = self.look(_VISIBLE, selector)
            if found is not None:
                return str(found[ELEMENT])
            assert time.monotonic() < end, f"it does not show {selector}"
            time.sleep(0.05)

    # --- what a person does ---

    def click(self, selector: str) -> None:
        self.ask("WebDriver:ElementClick", id=self.find(selector))

    def type(self, selector: str, text: str) -> None:
        """Instead of what stands there."""
        element = self.find(selector)
        self.ask("WebDriver:ElementClear", id=element)
        self.ask("WebDriver:ElementSendKeys", id=element, text=text)

    def keys(self, selector: str, text: str) -> None:
        self.ask("WebDriver:ElementSendKeys", id=self.find(selector), text=text)


_VISIBLE = """
const found = document.querySelector(arguments[0]);
return found?.checkVisibility() && !found.disabled ? found : null;
"""
