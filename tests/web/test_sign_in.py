"""Signing in and out: cookies, tokens, forged forms, foreign pages, and what ends a session."""

from collections.abc import Callable

import pytest

from mailclad.base.secret import Secret
from mailclad.services.auth.web_sessions import FRESH_SECONDS
from mailclad.store.web_sessions import IDLE_SECONDS, NewWebSession
from mailclad.web.body import MOST_OCTETS
from mailclad.web.forms import MOST_FIELDS
from tests.web.housed import ADA, GRACE, HOST, PASSWORD, Act, Answer, House


def test_a_person_signs_in_and_out(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        assert (await browser.get("/devices")).location == "/sign-in?next=/devices"
        done = await browser.sign_in(next="/devices")
        assert (done.status, done.location) == (303, "/devices")
        cookie = done.headers["set-cookie"]
        for flag in ("__Host-mailclad=", "HttpOnly", "Secure", "SameSite=lax", "Path=/"):
            assert flag in cookie
        assert "Domain" not in cookie
        page = await browser.get("/devices")
        assert ADA in page.text
        assert page.headers["cache-control"] == "no-store"
        old = browser.token
        assert (await browser.form("/sign-out", {})).status == 303
        browser.token = old
        assert (await browser.get("/devices")).status == 303

    at(act)


def without_login(answer: Answer) -> str:
    return answer.text.replace("nobody@example.org", ADA).replace("x@elsewhere.test", ADA)


def test_whoever_is_not_there_gets_the_same_answer(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        wrong = await house.browser().sign_in(ADA, "wrong")
        assert wrong.status == 403
        assert "set-cookie" not in wrong.headers
        assert "login name or the password is wrong" in wrong.text
        for login in ("nobody@example.org", "x@elsewhere.test"):
            other = await house.browser().sign_in(login, "wrong")
            assert (other.status, without_login(other)) == (403, wrong.text)

    at(act)


def test_a_devices_password_opens_no_page(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        made = await house.provision.add_app_password(ADA, "phone")
        assert (await house.browser().sign_in(ADA, made.letters)).status == 403

    at(act)


def test_too_many_attempts_are_turned_away(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        statuses = [(await house.browser().sign_in(ADA, f"wrong {n}")).status for n in range(3)]
        assert statuses == [403] * 3

    at(act)


def test_a_planted_token_is_not_taken_over(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        browser.token = "A" * 43
        await browser.sign_in()
        assert browser.token != "A" * 43
        first = browser.token
        house.clock.seconds += FRESH_SECONDS
        page = await browser.get("/confirm?next=/setup/mutt")
        done = await browser.post(
            "/confirm",
            {"form_token": page.form_token, "password": PASSWORD, "next": "/setup/mutt"},
        )
        assert (done.status, done.location) == (303, "/setup/mutt")
        assert browser.token != first
        browser.token = first
        assert (await browser.get("/devices")).status == 303

    at(act)


@pytest.mark.parametrize("end", ["password", "disabled", "removed", "idle"])
def test_what_ends_a_session(at: Callable[[Act], None], end: str) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        await browser.sign_in()
        assert (await browser.get("/devices")).status == 200
        match end:
            case "password":
                await house.provision.set_password(ADA, Secret(b"another one"))
            case "disabled":
                await house.provision.set_disabled(ADA, True)
            case "removed":
                await house.provision.remove_account(ADA)
            case _:
                house.clock.seconds += IDLE_SECONDS
        assert (await browser.get("/devices")).status == 303

    at(act)


@pytest.mark.parametrize(
    "following",
    ["//evil.test", "/\\evil.test", "https://evil.test", "javascript:1", "/a\r\nX: y", "", "/é"],
)
def test_nobody_is_led_elsewhere(at: Callable[[Act], None], following: str) -> None:
    async def act(house: House) -> None:
        done = await house.browser().sign_in(next=following)
        assert (done.status, done.location) == (303, "/setup")

    at(act)


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ([("sec-fetch-site", "same-origin")], 303),
        ([("sec-fetch-site", "cross-site")], 403),
        ([("sec-fetch-site", "same-site")], 403),
        ([("origin", f"https://{HOST}")], 303),
        ([("origin", "https://evil.test")], 403),
        ([("origin", "null")], 403),
        ([("sec-fetch-site", "cross-site"), ("origin", f"https://{HOST}")], 403),
        ([], 303),
    ],
)
def test_forms_come_from_our_own_pages(
    at: Callable[[Act], None], extra: list[tuple[str, str]], status: int
) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        browser.extra = extra
        assert (await browser.sign_in()).status == status

    at(act)


@pytest.mark.parametrize("path", ["/sign-out", "/devices/remove", "/setup/mutt", "/confirm"])
@pytest.mark.parametrize("token", ["", "x", "é", "A" * 32])
def test_a_form_without_its_sessions_token_does_nothing(
    at: Callable[[Act], None], path: str, token: str
) -> None:
    async def act(house: House) -> None:
        browser, other = house.browser(), house.browser()
        await browser.sign_in()
        await other.sign_in(GRACE)
        assert (await browser.post(path, {"form_token": token, "name": "x"})).status == 403
        foreign = (await other.get("/devices")).form_token
        assert (await browser.post(path, {"form_token": foreign, "name": "x"})).status == 403
        assert await house.provision.app_passwords(ADA) == ()
        assert (await browser.get("/devices")).status == 200

    at(act)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"a" * (MOST_OCTETS + 1), 413),
        (b"&".join([b"a=b"] * (MOST_FIELDS + 1)), 400),
        (b"=%ff%fe", 400),
        (b"login=\xff", 400),
        (b"login", 400),
        (b"", 403),
    ],
)
def test_forms_that_cannot_be_read(at: Callable[[Act], None], body: bytes, status: int) -> None:
    async def act(house: House) -> None:
        assert (await house.browser().post("/sign-in", body)).status == status

    at(act)


def test_other_media_are_not_read(at: Callable[[Act], None]) -> None:
    async def act(house: House) -> None:
        done = await house.browser().post("/sign-in", b"{}", content_type="application/json")
        assert done.status == 415

    at(act)


@pytest.mark.parametrize("path", ["/sign-out", "/devices/remove", "/devices/sign-out"])
def test_nothing_changes_by_a_link(at: Callable[[Act], None], path: str) -> None:
    async def act(house: House) -> None:
        browser = house.browser()
        await browser.sign_in()
        assert (await browser.get(path)).status in {404, 405}
        assert (await browser.get("/devices")).status == 200

    at(act)


def test_no_session_outlives_a_password_that_is_changed_meanwhile(
    at: Callable[[Act], None],
) -> None:
    async def act(house: House) -> None:
        add = house.store.add_web_session

        async def late(new: NewWebSession) -> int:
            await house.provision.set_password(ADA, Secret(b"another one"))
            return await add(new)

        house.store.add_web_session = late  # type: ignore[method-assign]
        browser = house.browser()
        assert (await browser.sign_in()).status == 403
        assert await house.store.web_sessions((await house.store.find_account(ADA)).id, 0) == []

    at(act)
