"""The order of a check: what is asked of whom, with the zoo's certificates behind every port."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mailclad.base.https import HttpsProblem, Request, Response
from mailclad.base.resolver import Answer, DnsProblem, Mx, Srv
from mailclad.mail.endpoint import Endpoint
from mailclad.services.diagnose.answering import MAX_CANDIDATES, MAX_FETCHED, look_up
from mailclad.services.diagnose.check import Checked, check
from mailclad.services.diagnose.evidence import Answers, Candidate, Questions
from mailclad.services.diagnose.facts import HostSeen, Reach
from mailclad.services.diagnose.found import Level
from mailclad.services.diagnose.target import parse_target
from mailclad.services.diagnose.witness import Witnessed
from mailclad.services.diagnose.world import Prober, Progress, World
from tests.dns.fake import FakeResolver
from tests.services.clock import StandingClock
from tests.services.diagnose import seen
from tests.services.diagnose.web import FakeWeb

SIBLING = "imap.mail.test"


@dataclass
class FakeProber(Prober):
    """Every port of a host shows one certificate of the zoo; ``closed`` ones are refused."""

    certificates: Mapping[str, str]
    closed: frozenset[int] = frozenset()
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def look_at(
        self, host: str, domain: str, endpoints: Sequence[Endpoint], progress: Progress
    ) -> HostSeen:
        ports = []
        for done, endpoint in enumerate(endpoints):
            self.asked.append((host, endpoint.port))
            progress(f"{host} port {endpoint.port}", done + 1, len(endpoints))
            if endpoint.port in self.closed:
                shown = seen.port(at=endpoint, reach=Reach.REFUSED, handshakes=())
            else:
                shown = seen.port(self.certificates[host], endpoint)
            ports.append(shown)
        return HostSeen(host, (seen.ADDRESS,), ports=tuple(ports))


def _clock() -> StandingClock:
    clock = StandingClock()
    clock.seconds = int(seen.NOW.timestamp())
    return clock


def world(
    prober: FakeProber,
    dns: Mapping[tuple[str, str], Any] | None = None,
    *,
    web: FakeWeb | None = None,
    public: FakeWeb | None = None,
) -> World:
    return World(
        FakeResolver(dns),
        web or FakeWeb(),
        public or FakeWeb(seen.zoo().published),
        prober,
        seen.zoo_verifiers(),
        _clock(),
    )


def run(text: str, asked: World) -> Checked:
    return asyncio.run(check(parse_target(text), asked, lambda *_: None))


def ids(checked: Checked) -> list[str]:
    return [told.id for told in checked.report.findings if told.id.startswith("CERT")]


def test_a_healthy_host() -> None:
    prober = FakeProber({"mail.test": "ok"})
    checked = run("mail.test:993", world(prober))
    assert checked.report.findings == ()
    assert checked.report.exit_status == 0
    assert prober.asked == [("mail.test", 993)]


def test_guesses_count_where_nothing_answers() -> None:
    closed = frozenset({465, 587, 4190})
    prober = FakeProber({"mail.test": "ok"}, closed)
    dns = {("mail.test", "A"): [seen.ADDRESS]}
    found = run("ada@mail.test", world(prober, dns)).report.findings
    (told,) = (one for one in found if one.id == "CONN-102")
    assert {endpoint.port for _, endpoint in told.found.also} | {
        told.found.endpoint.port if told.found.endpoint else 0
    } == {465, 587}  # mail can be read, so that a filter's port may be closed


def test_the_missing_link_is_fetched_from_the_open_internet_only() -> None:
    web, public = FakeWeb(), FakeWeb(seen.zoo().published)
    prober = FakeProber({"mail.test": "missing-intermediate"})
    checked = run("mail.test:993", world(prober, web=web, public=public))
    assert ids(checked) == ["CERT-304"]
    assert public.asked
    assert web.asked == []


def test_a_link_that_cannot_be_had_is_asked_for_once() -> None:
    public = FakeWeb()
    prober = FakeProber({"mail.test": "missing-intermediate"})
    checked = run("mail.test:993", world(prober, public=public))
    assert len(public.asked) == len(set(public.asked))
    assert ids(checked) != []


@pytest.mark.parametrize("leads", [True, False])
def test_a_name_is_a_remedy_only_if_it_leads_to_the_same_machine(leads: bool) -> None:
    made = seen.zoo().certificates["hostname-mismatch"]
    prober = FakeProber({"mail.test": "hostname-mismatch", "other.test": "hostname-mismatch"})
    address = seen.ADDRESS if leads else "198.51.100.1"
    checked = run("mail.test:993", world(prober, {("other.test", "A"): [address]}))
    assert made.host == "mail.test"
    assert ids(checked) == ["CERT-302"]
    assert (("other.test", 993) in prober.asked) is leads
    (told,) = checked.report.findings
    assert ("other.test" in " ".join(told.do_user)) is leads


def test_a_remedy_is_one_for_every_port_at_which_it_was_tried() -> None:
    prober = FakeProber({"mail.test": "hostname-mismatch", "other.test": "hostname-mismatch"})
    checked = run("mail.test", world(prober, {("other.test", "A"): [seen.ADDRESS]}))
    told = [one.found for one in checked.report.findings if one.id == "CERT-302"]
    assert {one.values["remedy_name"] for one in told} == {"other.test"}
    assert {port for host, port in prober.asked if host == "other.test"} == {
        port for host, port in prober.asked if host == "mail.test"
    }
    assert len(prober.asked) == len(set(prober.asked))


def test_questions_are_limited() -> None:
    endpoint = seen.endpoint("mail.test")
    candidates = tuple(Candidate(f"n{n}.test", seen.ADDRESS, endpoint) for n in range(20))
    urls = tuple(f"http://ca.test/{n}" for n in range(20))
    dns = {(one.name, "A"): [seen.ADDRESS] for one in candidates}
    prober = FakeProber(dict.fromkeys((one.name for one in candidates), "ok"))
    public = FakeWeb()
    asked = world(prober, dns, public=public)
    answers = asyncio.run(look_up(Questions(urls, (), candidates), Answers(), asked, ""))
    assert len(public.asked) == MAX_FETCHED
    assert len(prober.asked) == MAX_CANDIDATES
    assert len(answers.fetched) == len(urls)
    assert len(answers.candidates) == len(candidates)
    again = asyncio.run(look_up(Questions((*urls, "http://ca.test/x"), ()), answers, asked, ""))
    assert len(public.asked) == MAX_FETCHED
    assert again.fetched["http://ca.test/x"] is None


def test_steps_of_several_hosts_add_up() -> None:
    steps: list[tuple[int, int]] = []
    dns = {
        ("mail.test", "MX"): [],
        ("mail.test", "A"): [seen.ADDRESS],
        ("imap.mail.test", "A"): ["192.0.2.2"],
    }
    prober = FakeProber({"mail.test": "ok", "imap.mail.test": "ok"})
    asyncio.run(
        check(
            parse_target("ada@mail.test"),
            world(prober, dns),
            lambda _, done, of: steps.append((done, of)),
        )
    )
    assert steps[-1] == (9 + 8, 9 + 8)  # port 25 is looked at where the domain's mail goes


def test_the_clocks_of_their_web_servers_are_witnesses() -> None:
    late = Response(404, {"date": "Sun, 06 Nov 1994 08:49:37 GMT"}, b"")
    web = FakeWeb({"https://autoconfig.mail.test/mail/config-v1.1.xml": late})
    prober = FakeProber({"mail.test": "not-yet-valid"})
    dns = {("mail.test", "A"): [seen.ADDRESS]}
    checked = run("ada@mail.test", world(prober, dns, web=web))
    assert "CERT-306" in ids(checked)


def _clocks(dns: Mapping[tuple[str, str], Any], **headers: str) -> int:
    """How many independent clocks two web servers are."""
    here = Response(200, {"date": "Sun, 06 Nov 1994 08:49:37 GMT", **headers}, b"")
    urls = ("https://a.test/", "https://b.test/")
    web = FakeWeb(dict.fromkeys(urls, here))
    witnessed = Witnessed(web, _clock())

    async def run() -> int:
        for url in urls:
            await witnessed.fetch(Request(url))
        return len(await witnessed.independent(FakeResolver(dns)))

    return asyncio.run(run())


def test_one_machine_with_many_names_is_one_clock() -> None:
    """Else a server whose clock is wrong would prove that ours is."""
    one = {("a.test", "A"): ["192.0.2.1"], ("b.test", "A"): ["192.0.2.1"]}
    assert _clocks(one) == 1
    two = {**one, ("b.test", "A"): ["192.0.2.2"]}
    assert _clocks(two) == 2
    assert _clocks(two, age="7200") == 0


def test_a_dns_that_does_not_answer_is_asked_no_more() -> None:
    class Silent(FakeResolver):
        def _answer(self, name: str, kind: str) -> Answer[Any]:
            self.asked.append((name, kind))
            raise DnsProblem(f"{name}: no answer")

    silent = Silent()
    prober = FakeProber({})
    checked = run("ada@mail.test", replace(world(prober), resolver=silent))
    assert [told.id for told in checked.report.findings] == ["CONN-109"]
    assert checked.report.exit_status == 3
    assert prober.asked == []
    assert not any("_domainkey" in name for name, _ in silent.asked)


def test_a_domain_that_takes_no_mail_is_not_looked_for() -> None:
    prober = FakeProber({})
    dns = {("mail.test", "MX"): [Mx(0, "")], ("mail.test", "A"): [seen.ADDRESS]}
    checked = run("ada@mail.test", world(prober, dns))
    assert prober.asked == []
    assert not {"CONN-101", "CONN-102"} & {told.id for told in checked.report.findings}
    assert "takes no mail" in checked.report.verdict


def test_a_guessed_name_with_a_wrong_certificate_is_only_noted() -> None:
    """The domain's own web server, where mail. does everything."""
    dns = {
        ("example.test", "MX"): [Mx(10, "mail.test")],
        ("mail.test", "A"): [seen.ADDRESS],
        ("example.test", "A"): ["192.0.2.80"],
    }
    prober = FakeProber({"mail.test": "ok", "example.test": "hostname-mismatch"})
    checked = run("ada@example.test", world(prober, dns))
    levels = {told.level for told in checked.report.findings if told.id == "CERT-302"}
    assert levels == {Level.NOTE}


def test_settings_that_contradict_each_other() -> None:
    dns = {
        ("_imaps._tcp.mail.test", "SRV"): [Srv(0, 1, 993, "mail.test")],
        ("mail.test", "A"): [seen.ADDRESS],
    }
    document = b'{"protocols": {"imap": {"host": "other.test"}}}'
    url = "https://ua-auto-config.mail.test/.well-known/user-agent-configuration.json"
    prober = FakeProber({"mail.test": "ok", "other.test": "hostname-mismatch"})
    checked = run("ada@mail.test", world(prober, dns, web=FakeWeb({url: document})))
    saw = [told.saw for told in checked.report.findings if told.id == "DNS-427"]
    assert len(saw) == 2
    assert "SRV mail.test:993; PACC other.test:993" in saw[0]
    assert "the digest is missing" in saw[1]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (Response(200, {}, b"success"), False),
        (Response(302, {"location": "http://hotel.test/sign-in"}, b""), True),
        (Response(511, {}, b""), True),
        (HttpsProblem("nobody there"), False),
    ],
)
def test_the_sign_in_page_of_a_network(answer: Response | HttpsProblem, found: bool) -> None:
    url = "http://witness.test/success.txt"
    prober = FakeProber({"mail.test": "ok"})
    asked = replace(world(prober, web=FakeWeb({url: answer})), witness=url)
    checked = run("mail.test:993", asked)
    assert ("CONN-104" in [told.id for told in checked.report.findings]) is found
