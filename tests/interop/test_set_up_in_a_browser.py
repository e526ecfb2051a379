"""A person sets up a device in a real browser: with script and without, on three widths.

The page's lights turn by what real programs' libraries do at the ports.  Screenshots lie in the
test's folder.
"""

import contextlib
import imaplib
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, sync_playwright

from mailclad.app.config import Config
from mailclad.app.settings.listen import ListenConfig
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.testing import MailServer

pytestmark = [pytest.mark.interop("chromium"), pytest.mark.slow]

ADA, PASSWORD = "ada@example.test", "correct horse"
PORTS = (
    (Service.IMAP, TlsMode.IMPLICIT),
    (Service.IMAP, TlsMode.STARTTLS),
    (Service.SUBMISSION, TlsMode.IMPLICIT),
    (Service.SUBMISSION, TlsMode.STARTTLS),
    (Service.HTTPS, TlsMode.IMPLICIT),
)
WIDTHS = [(360, "dark"), (768, "light"), (1440, "light"), (1440, "dark")]


class WithPages(MailServer):
    def _config(self) -> Config:
        usual = super()._config()
        lines = tuple(
            ListenConfig(service=service, tls=tls, port=0, addresses=("127.0.0.1",))
            for service, tls in PORTS
        )
        return Config(server=usual.server, tls=usual.tls, deliver=usual.deliver, listen=lines)


@pytest.fixture(scope="module")
def server() -> Iterator[WithPages]:
    with WithPages() as running:
        running.add_account(ADA, password=PASSWORD)
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=options)
        yield browser
        browser.close()


@dataclass
class Person:
    """At a page; ``said`` is what the browser's console said."""

    server: WithPages
    page: Page
    said: list[str]

    def go(self, path: str) -> None:
        self.page.goto(f"https://localhost:{self.server.port('https')}{path}")

    def sign_in(self, following: str) -> None:
        self.go(f"/sign-in?next={following}")
        self.page.get_by_label("Mail address").fill(ADA)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(f"**{following}")

    def new_device(self, name: str) -> str:
        """Its letters."""
        self.page.get_by_label("Name the device").fill(name)
        self.page.get_by_role("button", name="Make its password").click()
        return self.page.locator(".letters").inner_text().replace(" ", "")

    def greens(self, number: int) -> None:
        self.page.locator("#watch .lights .ok").nth(number - 1).wait_for()

    def is_within(self) -> bool:
        width = self.page.locator("html").evaluate("one => one.scrollWidth")
        size = self.page.viewport_size
        assert size is not None
        return bool(width <= size["width"])


@contextlib.contextmanager
def at_a_page(
    server: WithPages,
    chromium: Browser,
    *,
    width: int = 1440,
    scheme: str = "light",
    script: bool = True,
) -> Iterator[Person]:
    context = chromium.new_context(
        ignore_https_errors=True,  # the authority is a test's own
        viewport=ViewportSize(width=width, height=900),
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=script,
    )
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        said.append(message.text)

    page = context.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield Person(server, page, said)
    context.close()


def trusting(server: WithPages) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(server.ca))


def read(server: WithPages, letters: str) -> None:
    context = trusting(server)
    with imaplib.IMAP4_SSL("localhost", server.port("imap"), ssl_context=context) as imap:
        imap.login(ADA, letters)


def send(server: WithPages, letters: str) -> None:
    letter = EmailMessage()
    letter["From"] = letter["To"] = ADA
    letter.set_content("Does it work?")
    with smtplib.SMTP_SSL(
        "localhost", server.port("submission"), context=trusting(server)
    ) as smtp:
        smtp.login(ADA, letters)
        smtp.send_message(letter)


@pytest.mark.parametrize(("width", "scheme"), WIDTHS)
def test_the_lights_turn_green(
    server: WithPages, chromium: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    with at_a_page(server, chromium, width=width, scheme=scheme) as person:
        for path in ("/setup", "/setup/outlook", "/sign-in"):
            person.go(path)
            assert person.is_within(), path
            person.page.screenshot(path=tmp_path / f"{path.replace('/', '_')}.png", full_page=True)
        person.sign_in("/setup/outlook")
        letters = person.new_device("Office")
        assert person.is_within()
        with pytest.raises(ssl.SSLError):
            imaplib.IMAP4_SSL("localhost", server.port("imap", "starttls"), timeout=10)
        person.page.locator("#watch .note.bad", has_text="MODE-202").wait_for()
        person.page.screenshot(path=tmp_path / "fault.png", full_page=True)
        read(server, letters)
        person.greens(2)
        assert person.page.locator("#watch .note.bad").count() == 0
        send(server, letters)
        person.greens(3)
        person.page.get_by_role("heading", name="It works").wait_for()
        person.page.screenshot(path=tmp_path / "done.png", full_page=True)
        person.go("/devices")
        assert person.is_within()
        assert person.said == []


def test_a_password_that_was_sent_readable_is_cancelled_and_made_anew(
    server: WithPages, chromium: Browser
) -> None:
    with at_a_page(server, chromium) as person:
        person.sign_in("/setup/thunderbird")
        letters = person.new_device("Café")
        imap = imaplib.IMAP4("localhost", server.port("imap", "starttls"))
        with imap, pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
            imap.login(ADA, letters)
        person.page.locator("#watch .note.bad", has_text="cancelled").wait_for()
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            read(server, letters)
        person.page.get_by_role("button", name="Make a new password").click()
        person.page.get_by_text("not yet").first.wait_for()
        others = person.page.locator(".letters").inner_text().replace(" ", "")
        assert others != letters
        read(server, others)
        person.greens(2)


def test_without_script_a_frame_shows_the_lights(server: WithPages, chromium: Browser) -> None:
    with at_a_page(server, chromium, script=False) as person:
        person.sign_in("/setup/thunderbird")
        letters = person.new_device("Old laptop")
        assert person.page.locator("button.copy:visible").count() == 0
        frame = person.page.frame_locator("#watch iframe")
        assert frame.locator(".lights .wait").count() == 3
        read(server, letters)
        frame.locator(".lights .ok").nth(1).wait_for()
        send(server, letters)
        frame.locator(".lights .ok").nth(2).wait_for()


def test_by_the_keyboard_alone(server: WithPages, chromium: Browser) -> None:
    with at_a_page(server, chromium) as person:
        keyboard = person.page.keyboard
        person.go("/setup")
        keyboard.press("Tab")
        assert person.page.locator(":focus").inner_text() == "Skip to the page"
        person.sign_in("/setup/mutt")
        person.page.get_by_label("Name the device").focus()
        keyboard.type("Terminal")
        keyboard.press("Enter")
        person.page.locator(".letters").wait_for()
        copy = person.page.get_by_role("button", name="Copy").first
        copy.focus()
        assert copy.evaluate("one => getComputedStyle(one).outlineStyle") != "none"


def test_a_code_is_hidden_until_it_is_wanted(server: WithPages, chromium: Browser) -> None:
    with at_a_page(server, chromium) as person:
        person.sign_in("/setup/k9")
        person.new_device("Phone")
        code = person.page.locator(".code svg")
        assert not code.is_visible()
        person.page.get_by_text("Show the code").click()
        code.wait_for(state="visible")
        assert person.said == []
