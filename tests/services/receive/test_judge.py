"""The judge: what it asks, what it writes and tells, and what no stranger can make it do."""

import asyncio
import base64
import hashlib
import time
from dataclasses import dataclass, field

import pytest

from mailclad.base.resolver import Answer, DnsProblem, Mx
from mailclad.mail.authentication_results import parse_field
from mailclad.mail.dkim.signing_key import public_record
from mailclad.mail.dmarc.record import Policy
from mailclad.mail.dmarc.report import PolicyShown, Row
from mailclad.mail.headers import MAX_HEADER_OCTETS, split_fields
from mailclad.mail.tls_rpt import Failure, PolicySummary
from mailclad.services.receive import authentication
from mailclad.services.receive.guard import Opinion, Refused
from mailclad.services.receive.judge import Judge
from mailclad.services.receive.policy import Action, Rules
from mailclad.services.reports.addresses import ReportAddresses
from mailclad.store.trace import Happening, TraceEvent
from tests.dns.fake import FakeResolver, Known
from tests.mail.dkim.fake import RSA
from tests.mail.dkim.test_dkimpy import signed_by_dkimpy
from tests.mail.test_arc import KEYS, seal
from tests.services.receive.meeting import FakeClock, Meeting

GOOD: dict[tuple[str, str], Known] = {
    ("good.test", "TXT"): [b"v=spf1 ip4:192.0.2.1 -all"],
    ("_dmarc.good.test", "TXT"): [b"v=DMARC1; p=reject; sp=quarantine"],
    ("bad.test", "TXT"): [b"v=spf1 -all"],
    ("_dmarc.bad.test", "TXT"): [b"v=DMARC1; p=reject"],
    ("_dmarc.trial.test", "TXT"): [b"v=DMARC1; p=reject; t=y"],
    ("192.0.2.1", "PTR"): ["mx.good.test"],
    ("mx.good.test", "A"): ["192.0.2.1"],
    (f"{RSA.selector}._domainkey.{RSA.domain}", "TXT"): [public_record(RSA).encode()],
    (f"_dmarc.{RSA.domain}", "TXT"): [b"v=DMARC1; p=reject"],
}
GOOD_MESSAGE = b"From: bob@good.test\r\nSubject: x\r\n\r\nhello\r\n"
SIGNED = (
    b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=%b; s=x; h=from; b=AAAA; bh=%b\r\n"
)
NO_BODY = base64.b64encode(hashlib.sha256().digest())
BAD_MESSAGE = b"From: bob@bad.test\r\nSubject: x\r\n\r\nhello\r\n"


@dataclass
class Told:
    """Hears the notes and the trace."""

    verdicts: list[tuple[PolicyShown, Row]] = field(default_factory=list)
    events: list[TraceEvent] = field(default_factory=list)

    def dmarc_verdict(self, at: int, policy: PolicyShown, row: Row) -> None:
        self.verdicts.append((policy, row))

    def tls_session(self, at: int, policy: PolicySummary, failure: Failure | None) -> None:
        raise AssertionError("no TLS here")

    def note(self, event: TraceEvent) -> None:
        self.events.append(event)


def judge(
    octets: bytes,
    sender: str = "bob@good.test",
    *,
    known: dict[tuple[str, str], Known] | None = None,
    rules: Rules = Rules(),
    told: Told | None = None,
    resolver: FakeResolver | None = None,
) -> Opinion:
    told = told or Told()
    guard = Judge(resolver or FakeResolver(known or GOOD), FakeClock(), rules, told, told)
    return asyncio.run(Meeting(guard).whole(octets, sender))


def results(opinion: Opinion) -> dict[str, str]:
    """Method → result, of the first of each."""
    ((_, _, value), *_) = split_fields(opinion.fields)
    found = parse_field(value)
    assert found is not None
    assert found.authserv_id == "mx.ours.test"
    return {one.method: one.result for one in reversed(found.results)}


def test_a_good_message() -> None:
    told = Told()
    opinion = judge(GOOD_MESSAGE, told=told)
    assert results(opinion) == {"spf": "pass", "dkim": "none", "dmarc": "pass", "iprev": "pass"}
    assert (opinion.junk, opinion.replaced, told.events) == ("", None, [])
    ((policy, row),) = told.verdicts
    assert (policy.domain, policy.policy, policy.subdomain_policy) == (
        "good.test", Policy.REJECT, Policy.QUARANTINE,
    )  # fmt: skip
    assert (row.source_ip, row.count, row.disposition) == ("192.0.2.1", 1, Policy.NONE)
    assert (row.dkim, row.spf, row.overrides) == (False, True, ())
    assert (row.envelope_from, row.envelope_to) == ("good.test", "ours.test")


def test_reports_name_domains_as_the_dns_does() -> None:
    told = Told()
    judge(GOOD_MESSAGE, "josé@Bücher.test", told=told, rules=Rules(Action.NOTE))
    ((_, row),) = told.verdicts
    assert row.envelope_from == "xn--bcher-kva.test"


def test_a_refusal_says_why_is_kept_and_told() -> None:
    told = Told()
    with pytest.raises(Refused) as refused:
        judge(BAD_MESSAGE, told=told)
    assert refused.value.keep
    reply = refused.value.reply
    assert (reply.code, reply.status) == (550, "5.7.1")
    assert "bad.test" in reply.text
    ((_, row),) = told.verdicts
    assert (row.disposition, row.overrides) == (Policy.REJECT, ())
    assert told.events == [], "the session notes refusals"


@pytest.mark.parametrize(
    ("octets", "rules", "disposition", "override"),
    [
        (BAD_MESSAGE, Rules(Action.JUNK), Policy.QUARANTINE, "local_policy"),
        (BAD_MESSAGE, Rules(Action.NOTE), Policy.NONE, "local_policy"),
        (b"From: x@trial.test\r\n\r\n", Rules(), Policy.QUARANTINE, "policy_test_mode"),
    ],
)
def test_reports_say_why_a_policy_was_not_followed(
    octets: bytes, rules: Rules, disposition: Policy, override: str
) -> None:
    told = Told()
    opinion = judge(octets, rules=rules, told=told)
    ((_, row),) = told.verdicts
    assert row.disposition is disposition
    if disposition is Policy.QUARANTINE:
        (event,) = told.events
        assert (event.happening, event.identity) == (Happening.JUDGED, "id1")
        assert event.addresses[-1] == "ada@ours.test"
    assert [one.kind for one in row.overrides] == [override]
    assert bool(opinion.junk) is (disposition is Policy.QUARANTINE)


def test_the_null_sender_is_judged_by_its_hello() -> None:
    opinion = judge(b"From: mailer-daemon@mx.good.test\r\n\r\nx\r\n", "")
    assert b"smtp.helo=mx.good.test" in opinion.fields
    assert b"identity=helo" in opinion.fields


def test_dns_trouble_refuses_nobody() -> None:
    for at in GOOD:
        opinion = judge(BAD_MESSAGE, "x@bad.test", known={
            ("bad.test", "TXT"): DnsProblem("x"),
            ("_dmarc.bad.test", "TXT"): DnsProblem("x"),
            at: DnsProblem("x"),
        })  # fmt: skip
        assert results(opinion)["dmarc"] == "temperror"
        assert results(opinion)["spf"] == "temperror"


def test_what_dns_leaves_open_comes_again() -> None:
    """Else a selector in a broken corner of a domain's DNS would open its policy."""
    spf: dict[tuple[str, str], Known] = {**GOOD, ("bad.test", "TXT"): DnsProblem("x")}
    key: dict[tuple[str, str], Known] = {**GOOD, ("x._domainkey.bad.test", "TXT"): DnsProblem("x")}
    else_: dict[tuple[str, str], Known] = {**GOOD, ("else.test", "TXT"): DnsProblem("x")}
    unsigned = b"From: bob@bad.test\r\n\r\n"
    for octets, sender, known, code in (
        (unsigned, "x@bad.test", spf, 451),
        (SIGNED % (b"bad.test", NO_BODY) + unsigned, "x@good.test", key, 451),
        (unsigned, "x@else.test", else_, 550),  # trouble of another domain does not help
    ):
        told = Told()
        with pytest.raises(Refused) as refused:
            judge(octets, sender, known=known, told=told)
        assert (refused.value.reply.code, refused.value.keep) == (code, code == 550)
        assert told.events == []
    noted = judge(unsigned, "x@bad.test", known=spf, rules=Rules(Action.JUNK))
    assert (results(noted)["dmarc"], noted.junk) == ("temperror", "")


@pytest.mark.parametrize(
    "forged",
    [
        b"Authentication-Results: mx.ours.test; dmarc=pass\r\n",
        b"AUTHENTICATION-RESULTS : (x) MX.ours.TEST. 1;\r\n\tdmarc=pass\r\n",
        b'Authentication-Results: "mx.ours.test"; dmarc=pass\r\n',
    ],
)
def test_forged_results_are_taken_out(forged: bytes) -> None:
    opinion = judge(b"X-A: b\r\n" + forged + GOOD_MESSAGE)
    assert opinion.replaced == b"X-A: b\r\n" + GOOD_MESSAGE
    body = GOOD_MESSAGE + forged
    assert judge(body).replaced is None


def test_forged_results_do_not_hide_behind_a_header_that_is_too_long() -> None:
    forged = b"Authentication-Results: mx.ours.test; dmarc=pass\r\n"
    long = b"X-Long: " + b"y" * 70 + b"\r\n"
    start = b"From: bob@good.test\r\n" + long * (MAX_HEADER_OCTETS // len(long) + 1)
    rules = Rules(Action.JUNK)
    opinion = judge(start + forged + b"\r\nx\r\n", rules=rules)
    assert opinion.replaced == start + b"\r\nx\r\n"
    assert opinion.junk


def test_a_large_message_is_hashed_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "THREAD_OCTETS", 100)
    octets = f"From: a@{RSA.domain}\r\nSubject: x\r\n\r\n".encode() + b"line\r\n" * 1_000
    signed = signed_by_dkimpy(octets, RSA, (b"relaxed", b"simple"))
    opinion = judge(signed)
    assert results(opinion)["dkim"] == "pass"
    assert results(opinion)["dmarc"] == "pass"


def test_recipients_with_other_rules_come_in_another_message() -> None:
    rules = Rules(domains={"lenient.test": Action.NOTE})
    guard = Judge(FakeResolver(GOOD), FakeClock(), rules)

    async def scenario() -> None:
        meeting = Meeting(guard)
        await meeting.mail("bob@good.test")
        await meeting.recipient("a@ours.test", "b@other.test")
        with pytest.raises(Refused) as refused:
            await meeting.recipient("c@lenient.test")
        assert refused.value.reply.code == 452
        meeting.visit.close()

    asyncio.run(scenario())


# --- hostile DNS, hostile messages (T-DN1) ---


class Endless(FakeResolver):
    """Never answers about names under slow.test."""

    async def txt(self, name: str) -> Answer[bytes]:
        if name.endswith("slow.test"):
            await asyncio.Event().wait()
        await asyncio.sleep(0)  # every question takes some time
        return await super().txt(name)

    async def ptr(self, address: str) -> Answer[str]:
        await asyncio.Event().wait()
        raise AssertionError


def test_all_questions_together_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "TOTAL_SECONDS", 0.05)
    signature = (
        b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=slow.test; s=x; h=from; b=AAAA;"
        b" bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\r\n"
    )
    started = time.monotonic()
    opinion = judge(signature + b"From: x@slow.test\r\n\r\n", "x@slow.test", resolver=Endless())
    assert time.monotonic() - started < 2
    found = results(opinion)
    assert (found["spf"], found["iprev"], found["dmarc"]) == ("temperror",) * 3
    assert found["dkim"] == "temperror"


def test_ten_thousand_records_and_signatures_cost_little() -> None:
    many = [b"v=spf1 include:bad.test -all"] * 10_000
    known: dict[tuple[str, str], Known] = {
        ("bad.test", "TXT"): many,
        ("loop.test", "TXT"): [b"v=spf1 include:loop.test mx ptr exists:%{i}.loop.test -all"],
        ("loop.test", "MX"): [Mx(n % 100, f"mx{n}.loop.test") for n in range(10_000)],
        ("_dmarc.bad.test", "TXT"): [b"v=DMARC1; p=none"] * 10_000,
        ("192.0.2.1", "PTR"): [f"h{n}.bad.test" for n in range(10_000)],
        ("k._domainkey.bad.test", "TXT"): [b"v=DKIM1; p=AAAA" + b"A" * 2_000] * 10_000,
    }
    signature = (
        b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=bad.test; s=k%d; h=from; b=AAAA;"
        b" bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\r\n"
    )
    octets = b"".join(signature % n for n in range(5_000))
    octets += b"From: x@bad.test, y@loop.test\r\n\r\n"
    resolver = FakeResolver(known)
    started = time.process_time()
    for sender in ("x@bad.test", "x@loop.test"):
        judge(octets, sender, resolver=resolver, rules=Rules(Action.NOTE))
    assert time.process_time() - started < 2
    assert len(resolver.asked) < 2 * 120


def test_a_line_end_that_only_some_programs_see_makes_the_author_unclear() -> None:
    """BDAT brings bare CRs into a header; behind one stands another From for some."""
    octets = b"From: bob@good.test\r\nX: y\rFrom: ceo@bad.test\r\n\r\nhello\r\n"
    with pytest.raises(Refused) as caught:
        judge(octets)
    assert "different addresses" in caught.value.reply.text


@pytest.mark.parametrize(
    ("sender", "header"),
    [
        ("x@slow.test", b"From: ceo@bad.test\r\n"),
        ("x@good.test", b"From: a@slow.test, ceo@bad.test\r\n"),
        ("x@good.test", SIGNED % (b"slow.test", NO_BODY) + b"From: ceo@bad.test\r\n"),
        (
            "x@good.test",
            SIGNED % (b"slow.test", NO_BODY)
            + SIGNED % (b"bad.test", NO_BODY)
            + b"From: ceo@bad.test\r\n",
        ),
    ],
)
def test_who_answers_slowly_gains_nothing_for_others(
    sender: str, header: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "TOTAL_SECONDS", 0.05)
    with pytest.raises(Refused) as caught:
        judge(header + b"\r\n", sender, resolver=Endless(GOOD))
    assert "not authenticated by bad.test" in caught.value.reply.text


def test_an_abandoned_transaction_leaves_no_task_behind() -> None:
    async def scenario() -> int:
        meeting = Meeting(Judge(Endless(), FakeClock(), Rules()))
        for end in (meeting.visit.reset, meeting.visit.reset, meeting.visit.close):
            await meeting.mail("x@slow.test")
            await meeting.recipient("ada@ours.test")
            await asyncio.sleep(0)
            end()
        for _ in range(3):
            await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert asyncio.run(scenario()) == 1


def test_a_trusted_list_may_change_messages() -> None:
    """What it sealed says that DMARC passed there; its own signature does not help."""
    sealer = KEYS[0]
    octets = b"Subject: [list] x\r\nFrom: bob@bad.test\r\n\r\nchanged\r\n"
    sealed = seal(octets, sealer, "none; dmarc=pass header.from=bad.test")
    known: dict[tuple[str, str], Known] = {
        **GOOD,
        (f"{sealer.selector}._domainkey.{sealer.domain}", "TXT"): [public_record(sealer).encode()],
    }
    with pytest.raises(Refused):
        judge(sealed, known=known)
    told = Told()
    rules = Rules(sealers=frozenset({sealer.domain}))
    opinion = judge(sealed, known=known, rules=rules, told=told)
    assert opinion.junk == ""
    assert results(opinion)["arc"] == "pass"
    assert results(opinion)["dmarc"] == "fail"
    ((_, row),) = told.verdicts
    assert [one.kind for one in row.overrides] == ["trusted_forwarder"]


def test_a_signature_that_leaves_the_end_open_speaks_for_nobody() -> None:
    """Whatever was put behind the signed part (``l=``) is not the signer's (RFC 6376 §8.2)."""
    octets = f"From: a@{RSA.domain}\r\nSubject: x\r\n\r\nsigned\r\n".encode()
    signed = signed_by_dkimpy(octets, RSA, (b"relaxed", b"relaxed"), length=True)
    assert results(judge(signed))["dmarc"] == "pass"
    with pytest.raises(Refused):
        judge(signed + b"and more\r\n")


@pytest.mark.rfc("8460", "3")
def test_a_tls_report_is_for_who_takes_it_in_to_check() -> None:
    """Its key may be good for TLS reports only, so that DMARC fails."""
    report = BAD_MESSAGE.replace(
        b"\r\n\r\n", b"\r\nContent-Type: multipart/report; report-type=TLSRPT\r\n\r\n"
    )
    resolver = FakeResolver(GOOD)
    guard = Judge(resolver, FakeClock(), Rules(), reports=ReportAddresses(["tlsrpt"]))

    def whole(octets: bytes, *to: str) -> Opinion:
        return asyncio.run(Meeting(guard).whole(octets, "bob@good.test", to))

    assert not whole(report, "tlsrpt@ours.test").junk
    for octets, to in (
        (report, ["tlsrpt@ours.test", "ada@ours.test"]),
        (report, ["ada@ours.test"]),
        (BAD_MESSAGE, ["tlsrpt@ours.test"]),
    ):
        with pytest.raises(Refused):
            whole(octets, *to)
