"""What strangers and old tabs send to the pages: each is answered, and nothing is used up."""

import asyncio
import re
from collections.abc import Callable

import pytest

from mailclad.base.secret import Secret
from tests.web.housed import ADA, HOST, Act, Browser, House

PROFILE = re.compile(r"/profile/[\w-]{43}")
EVENTS = re.compile(r'data-events="([^"]*)"')


async def device_page(browser: Browser, client: str, **form: str) -> str:
    await browser.sign_in()
    page = f"/setup/{client}"
    return (await browser.form(page, {"name": "Tablet", **form}, page=page)).text


async def profile_link(browser: Browser) -> str:
    found = PROFILE.search(await device_page(browser, "iphone", in_profile="yes"))
    assert found is not None
    return found[0]


@pytest.mark.parametrize("number", ["9" * 16, "9" * 20, "9" * 5000, "-1", "x"])
@pytest.mark.parametrize("path", ["/watch/{}", "/watch/{}/events", "/setup/msmtp/file/{}"])
def test_numbers_that_nothing_has(at: Callable[[Act], None], path: str, number: str) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        await browser.sign_in()
        assert (await browser.get(path.format(number))).status == 404

    at(act)


@pytest.mark.parametrize("origin", ["http://[", "https://[x", f"http://{HOST}", f"//{HOST}", ""])
def test_origins_that_are_not_ours(at: Callable[[Act], None], origin: str) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        browser.extra = [("origin", origin)]
        assert (await browser.sign_in()).status == 403

    at(act)


@pytest.mark.parametrize(
    "path", ["/sign-out", "/devices/remove", "/devices/sign-out", "/confirm", "/setup/mutt"]
)
def test_a_form_after_the_session_leads_to_a_page(at: Callable[[Act], None], path: str) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        following = (await browser.post(path)).location.partition("?next=")[2]
        done = await browser.sign_in(next=following)
        assert (await browser.get(done.location)).status == 200

    at(act)


def test_asking_for_the_head_uses_no_link_up(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        link = await profile_link(browser)
        assert (await browser.head(link)).status == 405
        assert (await browser.get(link)).status == 200

    at(act)


def test_asking_for_the_head_opens_no_stream(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        found = EVENTS.search(await device_page(browser, "mutt"))
        assert found is not None
        answer = await asyncio.wait_for(browser.head(found[1]), 5)
        assert answer.status == 405

    at(act)


@pytest.mark.parametrize("end", ["password", "disabled"])
def test_what_ends_a_link(at: Callable[[Act], None], end: str) -> None:
    async def act(house: House) -> None:
        link = await profile_link(house.browser())
        if end == "password":
            await house.provision.set_password(ADA, Secret(b"another one"))
        else:
            await house.provision.set_disabled(ADA, True)
        assert (await house.browser().get(link)).status == 404

    at(act)
