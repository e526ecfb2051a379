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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.interop.neighbours import until

ANSWER_SECONDS = 30.0
CONTROL, ESCAPE, TAB = "\ue009", "\ue00c", "\ue004"
"""WebDriver's codes for keys."""

_FIND = """
const [selector, words] = arguments;
const roots = [[document, 0, 0]];
for (const [root, left, top] of roots) {
  for (const found of root.querySelectorAll(selector)) {
    const box = found.getBoundingClientRect();
    if (!found.checkVisibility() || !box.width || found.disabled) continue;
    if (!found.textContent.includes(words)) continue;
    return {
      x: Math.round(left + box.x + box.width / 2),
      y: Math.round(top + box.y + box.height / 2),
      text: found.textContent,
      focused: found.getRootNode().activeElement === found,
    };
  }
  for (const each of root.querySelectorAll("*")) {
    if (each.shadowRoot) roots.push([each.shadowRoot, left, top]);
    if (!each.contentDocument || !each.checkVisibility()) continue;
    const box = each.getBoundingClientRect();
    roots.push([each.contentDocument, left + box.x, top + box.y]);
  }
}
return null;
"""
"""Through shadow trees and documents in documents: nobody who looks sees their borders."""

_WINDOWS = "return [...Services.wm.getEnumerator(null)].map(each => each.document.location.href);"


@dataclass(frozen=True)
class Spot:
    """The middle of something on the screen, in the window's coordinates; what it says."""

    x: int
    y: int
    text: str
    focused: bool


class Refused(Exception):
    """The program could not do it: the command, and WebDriver's word and text for why."""


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
        if refusal is not None:
            raise Refused(command, refusal["error"], refusal["message"])
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
        """The first that shows and can be used, once there is one and it moves no more."""
        found = until(lambda: self._at_rest(selector, words), f"{selector} {words}")
        assert found is not None
        return found

    def _at_rest(self, selector: str, words: str) -> Spot | None:
        first = self.seen(selector, words)
        return first if first is not None and self.seen(selector, words) == first else None

    def windows(self) -> list[str]:
        """The addresses of what they show."""
        return list(self.look(_WINDOWS))

    def go_to(self, address: str) -> None:
        """To a window, once it is there."""
        until(lambda: any(map(self._is(address), self.ask("WebDriver:GetWindowHandles"))), address)

    def _is(self, address: str) -> Callable[[str], bool]:
        def switched(handle: str) -> bool:
            with contextlib.suppress(Refused):  # it may have been closed meanwhile
                self.ask("WebDriver:SwitchToWindow", handle=handle, focus=True)
                return bool(self.look("return document.location.href") == address)
            return False

        return switched

    def picture(self, path: Path) -> None:
        path.write_bytes(
            base64.b64decode(self.ask("WebDriver:TakeScreenshot", full=False)["value"])
        )

    # --- what a person does ---

    def click(self, selector: str, words: str = "") -> None:
        spot = self.find(selector, words)
        move = {"type": "pointerMove", "x": spot.x, "y": spot.y}
        press = [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        self._act("pointer", [move, *press])

    def type(self, selector: str, text: str) -> None:
        """Instead of what stands there."""
        until(lambda: self._focused(selector), f"the cursor in {selector}")
        self.press(CONTROL, "a")
        self.write(text)

    def _focused(self, selector: str) -> bool:
        self.click(selector)
        return self.find(selector).focused

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
            "WebDriver:PerformActions",
            actions=[{"type": device, "id": device, "actions": actions}],
        )


_STROKE = ("keyDown", "keyUp")
