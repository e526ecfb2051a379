from dataclasses import replace

import pytest

from mailclad.base.resolver import Mx
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.diagnose.discovery import Discovery, Source, SourceSeen, exchange_endpoint
from mailclad.services.diagnose.facts import (
    Asked,
    HandshakeSeen,
    HostSeen,
    PolicySeen,
    PortSeen,
    Reach,
    Way,
)
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.diagnose.providers import provider_of
from mailclad.services.diagnose.target import Target
from mailclad.services.diagnose.told import Told
from mailclad.services.diagnose.verdict import READING, Judgement

HOST = "mail.example.test"
IMAPS = Endpoint(MailProtocol.IMAP, HOST, 993, TlsMode.IMPLICIT)
IMAP = Endpoint(MailProtocol.IMAP, HOST, 143, TlsMode.STARTTLS)
SUBMISSIONS = Endpoint(MailProtocol.SUBMISSION, HOST, 465, TlsMode.IMPLICIT)
SMTP = exchange_endpoint(HOST)
ALL = (IMAPS, IMAP, SUBMISSIONS, SMTP)

FOUND = Discovery(
    Target("ada@example.test", "example.test"),
    "example.test",
    Asked("example.test", (Mx(10, HOST),)),
    sources=(SourceSeen(Source.AUTOCONFIG, "autoconfig.example.test", (IMAPS, SUBMISSIONS)),),
)


def port(endpoint: Endpoint, reach: Reach = Reach.OPEN) -> PortSeen:
    done = (HandshakeSeen(Way.MODERN, HOST, done=True),) if reach is Reach.OPEN else ()
    return PortSeen(endpoint, "192.0.2.1", reach, handshakes=done)


def told(entry: str, *endpoints: Endpoint, level: Level = Level.PROBLEM) -> Told:
    first, *others = endpoints or (None,)
    also = tuple(("192.0.2.1", endpoint) for endpoint in others if endpoint is not None)
    texts = dict.fromkeys(
        ("slug", "title", "where", "saw", "means", "risk", "can_ignore", "paste"), ""
    )
    return Told(
        id=entry,
        level=level,
        do_user=(),
        do_admin=(),
        verify="",
        verify_good="",
        fix_here="",
        found=Found(entry, "C00", HOST, endpoint=first, also=also),
        **texts,
    )


def judge(
    *findings: Told, ports: tuple[PortSeen, ...] | None = None, found: Discovery = FOUND
) -> Judgement:
    ports = tuple(map(port, ALL)) if ports is None else ports
    return Judgement(found, [HostSeen(HOST, ("192.0.2.1",), ports=ports)], None, findings)


def levels(judgement: Judgement) -> list[Level]:
    return [answer.level for answer in judgement.verdict().answers]


def test_a_healthy_domain() -> None:
    verdict = judge().verdict()
    assert verdict.sentence == "mail works and is encrypted"
    assert [answer.level for answer in verdict.answers] == [Level.OK] * 4
    assert verdict.answers[0].words == (
        f"Yes, by IMAP at {HOST}, port 993, encrypted from the first byte."
    )
    assert verdict.found_in == "autoconfig.example.test"
    assert {seen.words for seen in verdict.endpoints} == {"works"}
    assert len(verdict.fine) == len(ALL)


def test_a_problem_on_the_best_port_leaves_the_other() -> None:
    judgement = judge(told("CERT-301", IMAPS))
    assert judgement.best(READING) == IMAP
    rows = {seen.endpoint: seen for seen in judgement.verdict().endpoints}
    assert rows[IMAPS].words == "see CERT-301"
    assert rows[IMAPS].level is Level.PROBLEM


def test_a_problem_everywhere() -> None:
    judgement = judge(told("CERT-301", *ALL))
    verdict = judgement.verdict()
    assert verdict.sentence == "mail does not work safely"
    assert verdict.answers[0].words == "Not safely. See CERT-301."
    assert levels(judgement) == [*[Level.PROBLEM] * 3, Level.CANNOT_CHECK]


def test_who_is_turned_away_knows_nothing() -> None:
    judgement = judge(told("CONN-108", *ALL, level=Level.WATCH))
    verdict = judgement.verdict()
    assert verdict.sentence == "it could not be reached from here"
    assert verdict.answers[0].words == (
        "Could not check: the server turned this computer away. See CONN-108."
    )
    assert levels(judgement)[3] is Level.CANNOT_CHECK
    assert {(seen.level, seen.words) for seen in verdict.endpoints} == {
        (Level.CANNOT_CHECK, "see CONN-108")
    }


def test_what_is_to_be_watched_works() -> None:
    judgement = judge(told("CERT-307", IMAPS, level=Level.WATCH))
    assert judgement.best(READING) == IMAPS
    assert judgement.verdict().endpoints[0].level is Level.WATCH


def test_reading_without_sending() -> None:
    judgement = judge(ports=(port(IMAPS), port(SUBMISSIONS, Reach.REFUSED), port(SMTP)))
    verdict = judgement.verdict()
    assert verdict.sentence == "mail can be read, but not sent"
    assert verdict.answers[1].words == "No: no mail submission answers."


def test_a_blocked_port_25_is_not_their_fault() -> None:
    judgement = judge(ports=(port(IMAPS), port(SUBMISSIONS), port(SMTP, Reach.SILENT)))
    assert levels(judgement)[2] is Level.CANNOT_CHECK
    assert judgement.verdict().sentence == "mail works and is encrypted"


@pytest.mark.parametrize("entry", ["DNS-411", "DNS-416", "DNS-417", "DNS-418"])
def test_policies_that_stop_mail(entry: str) -> None:
    judgement = judge(told(entry))
    assert levels(judgement) == [Level.OK, Level.OK, Level.PROBLEM, Level.OK]
    assert judgement.verdict().sentence == "mail works for you, with a problem"


def test_somebody_in_between() -> None:
    judgement = judge(told("CERT-312", *ALL))
    assert levels(judgement)[3] is Level.PROBLEM


def test_no_way_to_there() -> None:
    ports = tuple(port(one, Reach.UNREACHABLE) for one in ALL)
    assert judge(ports=ports).verdict().sentence == "it could not be reached from here"


def test_nothing_at_all() -> None:
    verdict = judge(ports=()).verdict()
    assert verdict.answers[0].words == "No: no mail server was found."
    assert verdict.sentence == "no mail server answers"


def test_one_port_for_reading_only() -> None:
    assert judge(ports=(port(IMAPS),)).verdict().sentence == "mail works and is encrypted"
    silent = judge(ports=(port(IMAPS, Reach.SILENT),))
    assert silent.verdict().sentence == "no mail server answers"


def test_no_port_of_programs() -> None:
    assert judge(ports=(port(SMTP),)).verdict().sentence == "it works and is encrypted"
    bad = judge(told("CERT-301", SMTP), ports=(port(SMTP),))
    assert bad.verdict().sentence == "it does not work safely"


def test_a_provider_without_programs() -> None:
    proton = provider_of("proton.me")
    judgement = judge(ports=(port(SMTP),), found=replace(FOUND, provider=proton, sources=()))
    verdict = judgement.verdict()
    assert verdict.sentence == "programs cannot read or send this mail directly"
    assert "Bridge" in verdict.answers[0].words


def test_a_port_without_encryption_does_not_work() -> None:
    clear = PortSeen(IMAP, "192.0.2.1", Reach.OPEN)
    judgement = judge(ports=(clear,))
    assert judgement.best(READING) is None


def test_one_host_need_not_do_everything() -> None:
    found = Discovery(Target(HOST, HOST, HOST), sources=(SourceSeen(Source.TYPED, HOST, ALL),))
    ports = (port(IMAPS), port(SUBMISSIONS, Reach.REFUSED))
    verdict = judge(ports=ports, found=found).verdict()
    assert verdict.answers[1].words == "Not here: no mail submission answers."
    assert verdict.sentence == "mail works and is encrypted"


def test_one_host_is_not_asked_about_others() -> None:
    found = Discovery(Target(HOST, HOST, HOST), sources=(SourceSeen(Source.TYPED, HOST, ALL),))
    questions = [answer.question for answer in judge(found=found).verdict().answers]
    assert "Will others reach me?" not in questions


def test_reading_works_and_sending_has_no_way() -> None:
    judgement = judge(ports=(port(IMAPS), port(SUBMISSIONS, Reach.UNREACHABLE), port(SMTP)))
    sentence = "mail can be read; whether it can be sent could not be checked"
    assert judgement.verdict().sentence == sentence


def test_the_dns_did_not_answer() -> None:
    mx: Asked[Mx] = Asked("example.test", problem="no answer")
    found = Discovery(Target("ada@example.test", "example.test"), "example.test", mx)
    unasked = told("CONN-109", level=Level.CANNOT_CHECK)
    judgement = judge(unasked, ports=(), found=found)
    assert levels(judgement) == [Level.CANNOT_CHECK] * 4
    assert judgement.verdict().sentence == "it could not be reached from here"


def test_a_domain_that_takes_no_mail() -> None:
    null = Asked("example.test", (Mx(0, ""),))
    found = Discovery(Target("example.test", "example.test"), "example.test", null)
    judgement = judge(told("DNS-411", level=Level.NOTE), ports=(), found=found)
    assert levels(judgement)[:3] == [Level.NOTE] * 3
    assert judgement.verdict().sentence == "it says that it takes no mail"


def test_a_web_server_is_no_mail_server() -> None:
    web = Endpoint(MailProtocol.HTTPS, HOST, 443, TlsMode.IMPLICIT)
    ports = (port(web), *(port(one, Reach.REFUSED) for one in ALL))
    assert judge(ports=ports).verdict().sentence == "no mail server answers"


def test_a_problem_beside_what_works_is_in_the_verdict() -> None:
    assert judge(told("MODE-204", IMAP)).verdict().sentence == "mail works for you, with a problem"


def test_turned_away_on_port_25_is_not_reached_and_not_unencrypted() -> None:
    away = told("CONN-108", SMTP, level=Level.CANNOT_CHECK)
    plain = PortSeen(SMTP, "192.0.2.1", Reach.OPEN)
    judgement = judge(away, ports=(port(IMAPS), port(SUBMISSIONS), plain))
    assert levels(judgement)[2] is Level.CANNOT_CHECK
    (row,) = (seen for seen in judgement.verdict().endpoints if seen.endpoint == SMTP)
    assert (row.level, row.words) == (Level.CANNOT_CHECK, "see CONN-108")


def test_who_is_turned_away_is_told_so() -> None:
    away = told("CONN-108", IMAPS, SUBMISSIONS, level=Level.WATCH)
    ports = tuple(PortSeen(one, "192.0.2.1", Reach.RESET) for one in (IMAPS, SUBMISSIONS))
    read, send, *_ = judge(away, ports=ports).verdict().answers
    assert read.words == send.words
    assert "turned this computer away" in read.words


def test_nothing_is_fine_that_was_not_looked_up() -> None:
    unknown: Asked[bytes] = Asked("example.test", problem="no answer")
    seen = PolicySeen("example.test", "", FOUND.mx, spf=unknown, dmarc=unknown)
    judgement = Judgement(FOUND, [], seen, ())
    assert judgement.verdict().fine == ("The domain names servers that take its mail (MX).",)


def test_an_mx_whose_name_leads_nowhere() -> None:
    lost = replace(told("CONN-101"), found=Found("CONN-101", "C42", HOST))
    ports = (port(IMAPS), port(SUBMISSIONS))
    assert judge(lost, ports=ports).verdict().answers[2].words == (
        "Not all of them. See CONN-101."
    )


def test_what_was_only_guessed_does_not_matter_where_others_do_all() -> None:
    other = replace(IMAPS, host="imap.example.test")
    ports = (port(IMAPS), port(SUBMISSIONS), port(other))
    assert judge(ports=ports).guessed == {"imap.example.test"}
    assert judge(ports=(port(IMAPS), port(other))).guessed == frozenset()
    named = replace(FOUND, sources=(replace(FOUND.sources[0], endpoints=(IMAPS, other)),))
    assert judge(ports=ports, found=named).guessed == frozenset()
