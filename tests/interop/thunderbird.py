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
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import pytest

from tests.interop.marionette import Marionette, Refused

PROGRAM = Path("/usr/lib/thunderbird/thunderbird")
SETTINGS = Path("/etc/thunderbird")
START_SECONDS = 60.0
WAIT_SECONDS = 30.0

_IN_ITS_PLACE = """\
mount --bind "$1/etc" /etc/thunderbird
mount --bind "$1/resolv.conf" /etc/resolv.conf
shift
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

T = TypeVar("T")


@contextlib.contextmanager
def screen() -> Iterator[str]:
    """What DISPLAY is to be."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x1000x24"]
    server = subprocess.Popen([*command, "-nolisten", "tcp"], pass_fds=[writing])
    os.close(writing)
    try:
        with open(reading, "rb") as numbers:
            yield f":{numbers.readline().decode().strip()}"
    finally:
        server.terminate()
        server.wait(10)


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
            program = subprocess.Popen(
                ["unshare", "--mount", "sh", "-ec", _IN_ITS_PLACE, "sh", str(folder)]
                + [str(PROGRAM), "--profile", str(profile), "--no-remote"]
                + ["--marionette", "--remote-allow-system-access"],
                env={**os.environ, "DISPLAY": display, "HOME": str(folder)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            port = until(lambda: _port(program, profile), "the program", START_SECONDS)
            with Marionette.connected(port) as window:
                try:
                    yield cls(window, folder)
                except BaseException:
                    window.picture(folder / "failed.png")
                    raise
                window.ask("Marionette:Quit", flags=["eForceQuit"])
                program.wait(20)
        finally:
            program.kill()
            program.wait(10)

    # --- the account hub ---

    def look_for_settings(self, name: str, address: str) -> None:
        """Until it says what it has found, or has not."""
        self.window.type(f"{_START} #realName", name)
        self.window.type(f"{_START} #email", address)
        self.go_on()

    def go_on(self) -> None:
        self.window.click("account-hub-footer#emailFooter #forward")

    def said(self) -> str:
        """The line above the form, "" where there is none."""
        return str(self.window.look(_SAID))

    def found(self) -> dict[str, str]:
        """The settings as they are shown."""
        self.window.find("#emailConfigFoundSubview #configSelection")
        return dict(self.window.look(_FOUND))


_START = "#emailAutoConfigSubview"

_SAID = """
const step = [...document.querySelectorAll(".account-hub-step")].find(each => !each.hidden);
const header = step?.shadowRoot?.querySelector("account-hub-header")?.shadowRoot;
const form = header?.querySelector("#emailFormNotification");
return form && !form.hidden ? form.textContent.replace(/\\s+/g, " ").trim() : "";
"""

_FOUND = """
const shown = [...document.querySelectorAll("#configSelection p.data, #configSelection p.header-data")];
return shown.filter(each => each.checkVisibility()).map(each => [each.id, each.textContent]);
"""


def until(look: Callable[[], T], what: str, seconds: float = WAIT_SECONDS) -> T:
    """The first answer that is not empty."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"it does not come: {what}"
        time.sleep(0.05)
    return found


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
