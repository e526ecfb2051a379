"""The set-up pages: for everybody, for a person, with a device's password, codes and lights."""

import asyncio
import json
import plistlib
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from mailclad.services.auth.web_sessions import FRESH_SECONDS
from mailclad.services.client_setup.clients import clients
from mailclad.services.provision.accounts import NAME_CHARACTERS_MOST
from mailclad.store.setup_watches import WATCH_SECONDS, Notice, NoticeKind
from mailclad.web.pages.setup import LINK_SECONDS, UNUSED_SECONDS
from tests.web.housed import ADA, GRACE, HOST, Act, Answer, Browser, House

LETTERS = re.compile(r'class="letters mono">([a-z ]+)<')
WATCH = re.compile(r'data-events="(/watch/(\d+)/events)"')


async def new_device(browser: Browser, client: str, **form: str) -> Answer:
    form = {"name": "Kitchen tablet", **form}
    return await browser.form(f"/setup/{client}", form, page=f"/setup/{client}")


def test_everybody_sees_the_settings_and_nobodys_account(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        page = await house.browser().get("/setup")
        assert page.status == 200
        assert HOST in page.text
        assert "993" in page.text
        assert "ada@" not in page.text
        outlook = await house.browser().get("/setup/outlook")
        assert "your whole mail address" in outlook.text
        assert "/sign-in?next=/setup/outlook" in outlook.text
        assert "form_token" not in outlook.text

    at(act)


@pytest.mark.parametrize(
    ("agent", "first"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)", "iphone"),
        ("Mozilla/5.0 (Linux; Android 15)", "k9"),
        ("Mozilla/5.0 (Windows NT 10.0)", "thunderbird"),
        ("<script>", "thunderbird"),
    ],
)
def test_the_device_in_front_comes_first(
    at: Callable[[Act], None], agent: str, first: str
) -> None:
    async def act(house: House) -> None:
        page = await house.browser().get("/setup", extra=[("user-agent", agent)])
        assert re.findall(r'class="card" href="/setup/([^"]*)"', page.text)[0] == first

    at(act)


@pytest.mark.parametrize(
    ("typed", "found"), [("outlok", "outlook"), ("%3Ciframe%3E", None), ("x" * 5000, None)]
)
def test_programs_are_found(at: Callable[[Act], None], typed: str, found: str | None) -> None:
    async def act(house: House) -> None:
        page = await house.browser().get(f"/setup?q={typed}")
        assert page.status == 200
        cards = re.findall(r'class="card" href="/setup/([^"]*)"', page.text)
        assert (cards[0] if cards else None) == found
        assert "<iframe>" not in page.text

    at(act)


def test_a_device_gets_a_password_of_its_own_seen_once(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        await browser.sign_in()
        done = await new_device(browser, "printer", name=" Ada’s <b>printer</b> ")
        assert done.status == 200
        assert "<b>" not in done.text
        assert "Ada’s &lt;b&gt;printer&lt;/b&gt;" in done.text
        (one,) = await house.provision.app_passwords(ADA)
        assert (one.scope, one.unused_until) == ("send", None)
        found = LETTERS.search(done.text)
        assert found is not None
        assert len(found[1].replace(" ", "")) == 16
        assert done.headers["cache-control"] == "no-store"
        for path in ("/devices", "/setup/printer"):
            page = await browser.get(path)
            assert found[1] not in page.text
            assert found[1].replace(" ", "") not in page.text

    at(act)


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "x" * (NAME_CHARACTERS_MOST + 1)])
def test_names_that_cannot_be(at: Callable[[Act], None], name: str) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        await browser.sign_in()
        done = await new_device(browser, "mutt", name=name)
        assert done.status == 400
        assert "Not made" in done.text
        assert await house.provision.app_passwords(ADA) == ()

    at(act)


def test_the_password_is_typed_again_after_a_while(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        await browser.sign_in()
        house.clock.seconds += FRESH_SECONDS
        done = await new_device(browser, "mutt")
        assert (done.status, done.location) == (303, "/confirm?next=/setup/mutt")
        assert await house.provision.app_passwords(ADA) == ()

    at(act)


@pytest.mark.parametrize("client", ["k9", "delta-chat"])
def test_a_code_has_a_password_that_dies_unused(at: Callable[[Act], None], client: str) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        await browser.sign_in()
        done = await new_device(browser, client)
        assert '<details class="secret">' in done.text
        assert "<svg" in done.text
        (one,) = await house.provision.app_passwords(ADA)
        assert one.unused_until == house.clock.seconds + UNUSED_SECONDS
        house.clock.seconds += UNUSED_SECONDS + 1
        assert "Kitchen tablet" not in (await browser.get("/devices")).text

    at(act)


def test_a_profile_with_a_password_is_had_once(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        browser, thief = house.browser(), house.browser()
        await browser.sign_in()
        done = await new_device(browser, "iphone", in_profile="yes")
        assert LETTERS.search(done.text) is None
        link = re.findall(rf"https://{HOST}(/profile/[\w-]+)", done.text)[0]
        (before,) = await house.provision.app_passwords(ADA)
        profile = await house.browser().get(link)
        assert profile.headers["content-type"] == "application/x-apple-aspen-config"
        mail = plistlib.loads(profile.text.encode())["PayloadContent"][0]
        assert re.fullmatch(r"[a-z]{16}", mail["IncomingPassword"])
        (after,) = await house.provision.app_passwords(ADA)
        assert after.id == before.id
        assert after.digest != before.digest
        assert (await thief.get(link)).status == 404
        assert (await thief.get("/profile/" + "A" * 43)).status == 404
        assert (await thief.get("/profile/x")).status == 404

    at(act)


@pytest.mark.parametrize("late", [True, False])
def test_a_link_that_is_late_or_whose_device_is_gone(
    at: Callable[[Act], None], late: bool
) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        await browser.sign_in()
        done = await new_device(browser, "iphone", in_profile="yes")
        link = re.findall(r"(/profile/[\w-]+)\"", done.text)[0]
        (one,) = await house.provision.app_passwords(ADA)
        if late:
            house.clock.seconds += LINK_SECONDS + 1
        else:
            await house.provision.remove_app_password(ADA, one.id)
        assert (await house.browser().get(link)).status == 404

    at(act)


def test_devices_are_removed_by_their_owner_alone(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        browser, other = house.browser(), house.browser()
        await browser.sign_in()
        await other.sign_in(GRACE)
        await new_device(browser, "mutt")
        (one,) = await house.provision.app_passwords(ADA)
        asked = await browser.get(f"/devices?remove={one.id}")
        assert "can no longer sign in" in asked.text
        for number in (str(one.id), "-1", "9" * 30, "x", ""):
            await other.form("/devices/remove", {"device": number})
        assert len(await house.provision.app_passwords(ADA)) == 1
        await browser.form("/devices/remove", {"device": str(one.id)})
        await browser.form("/devices/remove", {"device": str(one.id)})
        assert await house.provision.app_passwords(ADA) == ()

    at(act)


def test_browsers_are_signed_out_by_their_owner_alone(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        first, second, other = house.browser(), house.browser(), house.browser()
        await first.sign_in()
        await second.sign_in()
        await other.sign_in(GRACE)
        page = (await first.get("/devices")).text
        (number,) = re.findall(r'name="browser" value="(\d+)"', page)
        await other.form("/devices/sign-out", {"browser": number})
        assert (await second.get("/devices")).status == 200
        await first.form("/devices/sign-out", {"browser": number})
        assert (await second.get("/devices")).status == 303
        assert (await first.get("/devices")).status == 200

    at(act)


async def watched(house: House, browser: Browser) -> tuple[str, int]:
    await browser.sign_in()
    found = WATCH.search((await new_device(browser, "thunderbird")).text)
    assert found is not None
    return found[1], int(found[2])


def test_the_lights_turn_and_the_stream_ends(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        events, watch = await watched(house, browser)
        stream = asyncio.create_task(browser.get(events))
        now = house.clock.seconds
        for kind, service in (
            (NoticeKind.SIGNED_IN, "imap"),
            (NoticeKind.SIGNED_IN, "submission"),
            (NoticeKind.SENT, "submission"),
        ):
            await house.store.add_setup_notices(
                watch, [Notice(kind, now, service, 993, "TLSv1.3")]
            )
        answer = await stream
        assert answer.headers["content-type"].startswith("text/event-stream")
        last = json.loads(answer.text.strip().split("data: ")[-1])
        assert [one["state"] for one in last["lights"]] == ["green"] * 3
        assert last["finished"]
        frame = await browser.get(f"/watch/{watch}")
        assert frame.text.count('class="ok"') == 3
        assert "frame-ancestors 'self'" in frame.headers["content-security-policy"]

    at(act)


@pytest.mark.parametrize("end", ["signed out", "server stops", "time"])
def test_what_ends_a_stream(at: Callable[[Act], None], end: str) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        events, _ = await watched(house, browser)
        stream = asyncio.create_task(browser.get(events))
        await asyncio.sleep(0)
        match end:
            case "signed out":
                await house.store.end_web_sessions((await house.store.find_account(ADA)).id)
            case "server stops":
                browser.closing = True
            case _:
                house.clock.seconds += WATCH_SECONDS
        assert (await asyncio.wait_for(stream, 10)).status == 200

    at(act)


def test_nobody_watches_anothers_device(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        browser, other = house.browser(), house.browser()
        events, watch = await watched(house, browser)
        await other.sign_in(GRACE)
        for path in (events, f"/watch/{watch}", "/watch/999999"):
            assert (await other.get(path)).status == 404
            assert (await house.browser().get(path)).status == 303

    at(act)


def test_files_are_there_to_download(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        await browser.sign_in()
        file = await browser.get("/setup/msmtp/file/0")
        assert ADA in file.text
        assert file.headers["content-disposition"].startswith("attachment")
        assert (await browser.get("/setup/msmtp/file/9")).status == 404
        assert (await house.browser().get("/setup/msmtp/file/0")).status == 404

    at(act)


class Strict(HTMLParser):
    """What the policy forbids, and what a screen reader misses."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self._labels = 0
        self._ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._labels += tag == "label"
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.wrong.append(f"{tag} with its own style or script")
        if tag == "script" and not (given.get("src") or "").startswith("/assets/"):
            self.wrong.append("a script of its own")
        if tag == "input" and given.get("type") != "hidden" and not self._labels:
            self.wrong.append(f"input {given.get('name')} without a label")
        for name in ("href", "src", "action"):
            if (given.get(name) or "").startswith(("http://", "//")):
                self.wrong.append(f"{name} elsewhere")
        if (one := given.get("id")) is not None:
            if one in self._ids:
                self.wrong.append(f"two of {one}")
            self._ids.add(one)

    def handle_endtag(self, tag: str) -> None:
        self._labels -= tag == "label"


def test_every_page_keeps_to_the_policy(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        stranger, browser = house.browser(), house.browser()
        await browser.sign_in()
        paths = ["/", "/setup", "/sign-in", "/devices", "/confirm", "/nothing"]
        paths += [f"/setup/{key}" for key in clients()]
        for one in (stranger, browser):
            for path in paths:
                answer = await one.get(path)
                checked = Strict()
                checked.feed(answer.text)
                assert checked.wrong == [], path
                policy = answer.headers["content-security-policy"]
                assert policy.startswith("default-src 'none'")
                assert "unsafe" not in policy
        done = await new_device(browser, "k9")
        checked = Strict()
        checked.feed(done.text)
        assert checked.wrong == []

    at(act)


@pytest.mark.parametrize("path", ["/setup/nothing", "/setup/%00", "/assets/../x", "/assets/x.css"])
def test_what_is_not_there(at: Callable[[Act], None], path: str) -> None:
    async def act(house: House) -> None:
        assert (await house.browser().get(path)).status == 404

    at(act)


def test_scripts_and_styles_may_be_kept_for_ever(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        page = await house.browser().get("/setup/mutt")
        for path in re.findall(r'(?:href|src)="(/assets/[^"]+)"', page.text):
            answer = await house.browser().get(path)
            assert answer.status == 200
            assert "immutable" in answer.headers["cache-control"]

    at(act)
