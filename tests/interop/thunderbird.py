"""Debian's Thunderbird on a screen of its own, used as a person does: clicks and keys.

It begins with a fresh profile; enterprise policy (policies.json) installs the authority that it
trusts, and the network is an island's with the name server that is handed in.  Both files are put
in their places in a mount namespace, so that nothing else sees them.
"""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.interop.marionette import ESCAPE, TAB, Marionette, Refused
from tests.interop.neighbours import until

PROGRAM = Path("/usr/lib/thunderbird/thunderbird")
SETTINGS = Path("/etc/thunderbird")
MAIN = "chrome://messenger/content/messenger.xhtml"
ASKING = "chrome://pippki/content/exceptionDialog.xhtml"
COMPOSING = "chrome://messenger/content/messengercompose/messengercompose.xhtml"

_PUT_IN_PLACE = """\
mount --bind "$0/etc" /etc/thunderbird
mount --bind "$0/resolv.conf" /etc/resolv.conf
exec "$@"
"""

_PREFERENCES = {
    "marionette.port": 0,
    # what Mozilla's own tests switch off would not be Thunderbird as people have it
    "remote.prefs.recommended": False,
    # two questions that have nothing to do with mail, each a window over all others
    "mail.shell.checkDefaultClient": False,
    "app.donation.eoy.version.viewed": 999,
}


@contextlib.contextmanager
def screen() -> Iterator[str]:
    """What DISPLAY is to be."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x1000x24"]
    server = subprocess.Popen([*command, "-nolisten", "tcp"], pass_fds=[writing])
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as numbers:
            yield f":{numbers.readline().decode().strip()}"
    finally:
        server.terminate()
        server.wait(10)


@dataclass(frozen=True)
class Choice:
    """Of the encryption, by hand: its field's name, its words, and what stands there."""

    field: str
    words: list[str]
    chosen: str
    port: str


@dataclass(frozen=True)
class Thunderbird:
    window: Marionette
    folder: Path

    @classmethod
    @contextlib.contextmanager
    def started(cls, folder: Path, display: str, *authorities: Path) -> Iterator[Self]:
        """``authorities`` are PEM files that the organisation trusts."""
        profile = _prepared(folder, authorities)
        with (folder / "output").open("wb") as output:
            command = [str(PROGRAM), "--no-remote", "--profile", str(profile)]
            driven = ["--marionette", "--remote-allow-system-access"]
            program = subprocess.Popen(
                ["unshare", "--mount", "sh", "-ec", _PUT_IN_PLACE, str(folder), *command, *driven],
                env={**os.environ, "DISPLAY": display, "HOME": str(folder)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            port = until(lambda: _port(program, profile), "the program")
            with Marionette.connected(port) as window:
                try:
                    yield cls(window, folder)
                except BaseException:
                    with contextlib.suppress(Refused):
                        window.picture(folder / "failed.png")
                    raise
                window.ask("Marionette:Quit", flags=["eForceQuit"])
                program.wait(20)
        finally:
            program.kill()
            program.wait(10)

    # --- the account hub ---

    def look_for_settings(self, name: str, address: str) -> None:
        self.window.type("#emailAutoConfigSubview #realName", name)
        self.window.type("#emailAutoConfigSubview #email", address)
        self.go_on()

    def go_on(self) -> None:
        self.window.click("#emailFooter #forward")

    def settings(self) -> dict[str, str]:
        """What it has found, as it shows it."""
        self.window.find("#emailConfigFoundSubview #configSelection")
        return dict(self.window.look(_FOUND))

    def said(self) -> str:
        """The lines above the settings, both of them."""
        self.window.find("#emailConfigFoundSubview #configSelection")
        self.window.click("#emailFormNotificationToggle")
        return str(self.window.look(_SAID))

    def has_said(self, words: str) -> None:
        """Above the form, sooner or later."""
        until(lambda: words in self.window.look(_SAID), words)

    def choose(self, protocol: str) -> None:
        self.window.click(f"#emailConfigFoundSubview #{protocol}")

    def by_hand(self) -> "Choice":
        """How the server for receiving is reached, open to be changed."""
        self.window.click("#editConfiguration")
        return self.choice()

    def choice(self) -> "Choice":
        self.window.find("#incomingPort")
        return Choice(*self.window.look(_CHOICE))

    def encrypt(self, words: str) -> "Choice":
        """Choose these words, by the keyboard."""
        self.window.click("#incomingPort")
        self.window.press(TAB)
        self.window.write(words)
        return self.choice()

    def test_by_hand(self) -> "Choice":
        """The button behind the second form tries both servers; back to what came of the first."""
        self.go_on()
        self.window.find("#outgoingPort")
        self.window.click("#emailFooter #custom")
        self.has_said("The following settings were found")
        self.window.click("#emailFooter #back")
        return self.choice()

    def sign_in(self, password: str) -> None:
        self.window.type("#emailPasswordSubview #password", password)
        self.go_on()

    def finish(self) -> None:
        """The account is there."""
        self.window.find("#emailAddedSuccessSubview")
        self.go_on()

    def turn_away(self) -> str:
        """Its question whether to trust a certificate all the same: no.  What it had asked."""
        self.window.go_to(ASKING)
        asked = self.window.look("return document.documentElement.textContent")
        with contextlib.suppress(Refused):  # the window goes while its answer is under way
            self.window.press(ESCAPE)
        self.window.go_to(MAIN)
        return str(asked)

    # --- mail ---

    def read(self, subject: str) -> str:
        """The text of a message in the inbox, as it is shown."""
        self.window.click("#folderTree li .name", "Inbox")
        self.window.click("#threadTree .subject", subject)
        return self.window.find(".moz-text-plain").text

    def send(self, recipient: str, subject: str, text: str) -> None:
        """From the first click on New Message to the end of its window."""
        self.window.click("#folderPaneWriteMessage")
        self.window.go_to(COMPOSING)
        self.window.type("#toAddrInput", recipient)
        self.window.type("#msgSubject", subject)
        self.window.click("#messageEditor")
        self.window.write(text)
        with contextlib.suppress(Refused):  # the window goes while its answer is under way
            self.window.click("#button-send")
        self.window.go_to(MAIN)
        until(lambda: COMPOSING not in self.window.windows(), "the end of the sending")


_HUB = """
const hub = document.querySelector("account-hub-container").shadowRoot;
const shown = (selector, root = hub) =>
  [...root.querySelectorAll(selector)].filter(each => each.checkVisibility());
"""
_SAID = f"""{_HUB}
const header = shown(".account-hub-step")[0]?.shadowRoot.querySelector("account-hub-header");
const lines = header ? shown("#emailFormNotification p > span", header.shadowRoot) : [];
return lines.map(each => each.textContent).filter(Boolean).join(" ");
"""
_FOUND = f"""{_HUB}
const cells = shown("#configSelection .data, #configSelection .header-data");
return cells.map(each => [each.id, each.textContent]);
"""
_CHOICE = f"""{_HUB}
const choice = hub.querySelector("#incomingConnectionSecurity");
return [
  choice.label.textContent.trim(),
  [...choice.select.options].map(each => each.label),
  choice.select.selectedOptions[0].label,
  hub.querySelector("#incomingPort").value,
];
"""


def _prepared(folder: Path, authorities: tuple[Path, ...]) -> Path:
    """What the program finds at its start."""
    shutil.copytree(SETTINGS, folder / "etc")
    (folder / "etc" / "policies").mkdir()
    policies = {"Certificates": {"Install": [str(each) for each in authorities]}}
    (folder / "etc" / "policies" / "policies.json").write_text(json.dumps({"policies": policies}))
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    profile = folder / "profile"
    profile.mkdir()
    lines = [f'user_pref("{key}", {json.dumps(value)});\n' for key, value in _PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines))
    return profile


def _port(program: subprocess.Popen[bytes], profile: Path) -> int:
    assert program.poll() is None, "it has ended"
    path = profile / "MarionetteActivePort"
    return int(path.read_text() or 0) if path.exists() else 0
