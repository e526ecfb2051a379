"""The look at our own answer on port 80: what an authority would meet, in words."""

import asyncio

import pytest

from mailclad.base.https import (
    Https,
    HttpsCertificateRefused,
    HttpsProblem,
    Request,
    Response,
)
from mailclad.base.resolver import DnsProblem
from mailclad.services.certificates.acme.challenge import Challenge, ChallengeKind
from mailclad.services.certificates.acme.solvers.checked import CheckedSolver
from mailclad.services.certificates.acme.solvers.kept import HttpSolver
from mailclad.services.certificates.acme.solvers.look_addresses import MAX_ADDRESSES
from mailclad.services.certificates.acme.solvers.look_http import (
    ANSWER_OCTETS,
    MAX_REDIRECTS,
    HttpLook,
)
from tests.dns.fake import FakeResolver, Known
from tests.services.certificates.acme.keeping import KeptHere, SetClock

URL = "http://a.test/.well-known/acme-challenge/token"
RIGHT = Response(200, {}, b"token.thumb\n")
CHALLENGE = Challenge(ChallengeKind.HTTP, "a.test", "token", "token.thumb")
BOTH: dict[tuple[str, str], Known] = {
    ("a.test", "A"): ["192.0.2.1"],
    ("a.test", "AAAA"): ["2001:db8::1"],
}
REFUSED = HttpsProblem("a.test cannot be reached: 192.0.2.1: Connection refused")


class Web(Https):
    """What is at an address and URL, or at any address and URL."""

    def __init__(self, known: dict[tuple[str, str], Response | HttpsProblem]) -> None:
        self.known = known
        self.asked: list[Request] = []

    async def fetch(self, request: Request) -> Response:
        self.asked.append(request)
        found = self.known[request.address, request.url]
        if isinstance(found, HttpsProblem):
            raise found
        return found


def look(web: Web, known: dict[tuple[str, str], Known] = BOTH, name: str = "a.test") -> str:
    challenge = Challenge(ChallengeKind.HTTP, name, "token", "token.thumb")
    return asyncio.run(HttpLook(web, FakeResolver(known))(challenge))


def here(v4: Response | HttpsProblem, v6: Response | HttpsProblem = RIGHT) -> Web:
    return Web({("192.0.2.1", URL): v4, ("2001:db8::1", URL): v6})


def redirect(url: str) -> Response:
    return Response(302, {"location": url}, b"")


def test_the_right_answer_at_every_address_is_no_doubt() -> None:
    web = here(RIGHT)
    assert look(web) == ""
    assert {request.address for request in web.asked} == {"192.0.2.1", "2001:db8::1"}
    assert all(request.plain and request.octets == ANSWER_OCTETS for request in web.asked)


def test_no_more_addresses_are_asked_than_are_of_use() -> None:
    known: dict[tuple[str, str], Known] = {
        ("a.test", "A"): [f"192.0.2.{n}" for n in range(50)],
        ("a.test", "AAAA"): [f"2001:db8::{n:x}" for n in range(50)],
    }
    addresses = ("192.0.2.0", "192.0.2.1", "2001:db8::0", "2001:db8::1")
    web = Web({(address, URL): RIGHT for address in addresses})
    assert look(web, known) == ""
    assert len(web.asked) == MAX_ADDRESSES


def test_a_closed_port_is_told_with_its_reason_and_remedy() -> None:
    doubt = look(here(REFUSED, REFUSED))
    assert "a.test at 192.0.2.1 does not answer on port 80" in doubt
    assert "Connection refused" in doubt
    assert "Let port 80 through" in doubt


def test_another_web_server_is_quoted() -> None:
    page = Response(404, {"server": "nginx/1.24\x1b[31m"}, b"<h1>Not\nFound</h1>" + b"x" * 500)
    doubt = look(here(page, page))
    assert "a.test at 192.0.2.1 is answered by “nginx/1.24 [31m”, with status 404" in doubt
    assert "“<h1>Not Found</h1>xxx" in doubt
    assert "does not lead to Mailclad" in doubt
    assert len(doubt) < 800


def test_an_address_of_another_machine_is_found_beside_a_right_one() -> None:
    doubt = look(here(RIGHT, Response(200, {}, b"")))
    assert "a.test at 2001:db8::1 is answered by another server" in doubt
    assert "Right is 192.0.2.1: take the other addresses out of the DNS" in doubt


def test_redirections_are_followed_as_authorities_do() -> None:
    web = here(redirect("/there"))
    web.known["", "http://a.test/there"] = redirect("https://b.test/x")
    web.known["", "https://b.test/x"] = RIGHT
    assert look(web) == ""


def test_an_untrusted_certificate_behind_a_redirection_is_no_doubt() -> None:
    web = here(redirect("https://a.test/x"))
    web.known["", "https://a.test/x"] = HttpsCertificateRefused("self-signed")
    assert look(web) == ""
    web.known["", "https://a.test/x"] = REFUSED
    assert "redirects to https://a.test/x, which does not answer" in look(web)


def test_a_circle_ends() -> None:
    web = here(redirect(URL))
    web.known["", URL] = redirect(URL)
    assert "redirects in a circle" in look(web)
    assert len(web.asked) == 2 + MAX_REDIRECTS


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({}, "has no address in the DNS"),
        ({("a.test", "AAAA"): DnsProblem("SERVFAIL")}, "could not be looked up: SERVFAIL"),
    ],
)
def test_a_name_that_leads_nowhere(known: dict[tuple[str, str], Known], words: str) -> None:
    assert words in look(Web({}), known)


def test_an_address_is_asked_as_itself() -> None:
    url = "http://[2001:db8::1]/.well-known/acme-challenge/token"
    assert look(Web({("2001:db8::1", url): RIGHT}), {}, "2001:db8::1") == ""


def test_doubts_are_told_and_stop_nothing() -> None:
    told: list[tuple[Challenge, str]] = []

    async def run() -> None:
        store = KeptHere()
        look = HttpLook(here(REFUSED), FakeResolver(BOTH))
        solver = CheckedSolver(
            HttpSolver(store, SetClock()), look, lambda one, text: told.append((one, text))
        )
        assert (solver.kind, solver.can("*.a.test")) == (ChallengeKind.HTTP, False)
        await solver.present(CHALLENGE)
        assert store.rows
        await solver.withdraw(CHALLENGE)
        assert not store.rows

    asyncio.run(run())
    ((about, text),) = told
    assert about is CHALLENGE
    assert "Connection refused" in text
