"""Marionette, by which Mozilla's programs let themselves be driven: a pointer, keys, and a look.

Its protocol is JSON over TCP: each message is its length in decimal, a colon, and an array
``[type, number, command or refusal, parameters or result]``; type 0 asks, type 1 answers.
Everything is done in the program's own windows (context "chrome").  What is clicked is a place:
whatever lies there on top gets it, as from a mouse.
"""

import base64
import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

ANSWER_SECONDS = 30.0
WAIT_SECONDS = 30.0
CONTROL = "\ue009"
"""WebDriver's code for the key."""

T = TypeVar("T")

_FIND = """
const [selector, words] = arguments;
const roots = [[document, 0, 0]];
for (const [root, left, top] of roots) {
  for (const found of root.querySelectorAll(selector)) {
    const box = found.getBoundingClientRect();
    if (found.checkVisibility() && box.width && !found.disabled && found.textContent.includes(words))
      return { x: Math.round(left + box.x + box.width / 2), y: Math.round(top + box.y + box.height / 2),
               text: found.textContent };
  }
  for (const each of root.querySelectorAll("*")) {
    if (each.shadowRoot) roots.push([each.shadowRoot, left, top]);
    if (each.contentDocument && each.checkVisibility()) {
      const box = each.getBoundingClientRect();
      roots.push([each.contentDocument, left + box.x, top + box.y]);
    }
  }
}
return null;
"""
"""Through shadow trees and documents in documents: nobody who looks sees their borders."""


@dataclass(frozen=True)
class Spot:
    """The middle of something on the screen, in the window's coordinates, and its text."""

    x: int
    y: int
    text: str


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
            with session._reader:
                yield session

    def ask(self, command: str, **parameters: object) -> Any:
        self._number += 1
        octets = json.dumps([0, self._number, command, parameters]).encode()
        self._stream.sendall(b"%d:%b" % (len(octets), octets))
        _, number, refusal, result = self._read()
        assert number == self._number
        assert refusal is None, (command, refusal)
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
        parameters = {"script": script, "args": arguments, "sandbox": "system"}
        return self.ask("WebDriver:ExecuteScript", **parameters)["value"]

    def seen(self, selector: str, words: str = "") -> Spot | None:
        found = self.look(_FIND, selector, words)
        return None if found is None else Spot(**found)

    def find(self, selector: str, words: str = "") -> Spot:
        """The first that shows, and can be used, once there is one."""
        return until(lambda: self.seen(selector, words), f"{selector} {words}")

    def windows(self) -> dict[str, str]:
        """The handle of each window, by the address of its document."""
        before = self.ask("WebDriver:GetWindowHandle")["value"]
        handles = self.ask("WebDriver:GetWindowHandles")
        found = {}
        for handle in handles:
            self._switch(handle)
            found[self.look("return document.location.href")] = handle
        self._switch(before)
        return found

    def go_to(self, address: str) -> None:
        """To a window, once it is there."""
        self._switch(until(lambda: self.windows().get(address), address))

    def _switch(self, handle: str) -> None:
        self.ask("WebDriver:SwitchToWindow", handle=handle, focus=True)

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.ask("WebDriver:TakeScreenshot", full=False)["value"]))

    # --- what a person does ---

    def click(self, selector: str, words: str = "") -> None:
        spot = self.find(selector, words)
        move = {"type": "pointerMove", "x": spot.x, "y": spot.y}
        press = [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        self._act("pointer", [move, *press])

    def type(self, selector: str, text: str) -> None:
        """Instead of what stands there."""
        self.click(selector)
        self.press(CONTROL, "a")
        self.write(text)

    def write(self, text: str) -> None:
        """Where the cursor is."""
        self._act("key", [{"type": kind, "value": each} for each in text for kind in _STROKE])

    def press(self, *keys: str) -> None:
        """All together."""
        down = [{"type": "keyDown", "value": each} for each in keys]
        up = [{"type": "keyUp", "value": each} for each in reversed(keys)]
        self._act("key", down + up)

    def _act(self, device: str, actions: list[dict[str, Any]]) -> None:
        self.ask(
            "WebDriver:PerformActions", actions=[{"type": device, "id": device, "actions": actions}]
        )


_STROKE = ("keyDown", "keyUp")


def until(look: Callable[[], T], what: str, seconds: float = WAIT_SECONDS) -> T:
    """The first answer that is not empty."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"it does not come: {what}"
        time.sleep(0.05)
    return found
