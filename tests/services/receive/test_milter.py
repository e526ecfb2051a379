"""A milter's word counts at each step; one that does not work never holds mail up."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from mailclad.mail.address import Address
from mailclad.protocols.smtp.command import Mail
from mailclad.servers.filter_socket import FilterSocket, parse_place
from mailclad.services.receive import milter as module
from mailclad.services.receive.filter_failure import FILTER_DOWN, OnFailure
from mailclad.services.receive.guard import (
    NO_OPINION,
    Arrived,
    Client,
    MailFrom,
    Opinion,
    Refused,
    Visit,
)
from mailclad.services.receive.milter import MilterGuard
from mailclad.services.receive.milter_talk import Terms
from tests.filters.scripted import ENDLESS, MISBEHAVIOURS, SILENT, ScriptedMilter, choice, packet
from tests.sessions.smtp.talk import TLS, account, make_spool

T = TypeVar("T")

ADA, GRACE = Address("ada", "example.org"), Address("grace", "example.org")
BOB = Address("bob", "elsewhere.example")
CLIENT = Client("192.0.2.7", 25, "mx.example.org", TLS, "client.example")
SENDER = MailFrom(CLIENT, "id1", Mail(BOB), (ADA,))
HEADER = b"From: bob@elsewhere.example\r\nSubject: a\r\n\tb\r\nX:no blank\r\n"
MESSAGE = HEADER + b"\r\nHello.\r\n"
PATIENCE = 10.0
IMPATIENCE = 0.05


def visit_of(
    milter: ScriptedMilter,
    scene: Callable[[Visit], Awaitable[T]],
    on_failure: OnFailure = OnFailure.DEFER,
    seconds: float = PATIENCE,
) -> T:
    """What the scene makes of a visit, on a loop of its own."""

    async def whole() -> T:
        dial = FilterSocket(parse_place(milter.name))
        guard = MilterGuard(Terms("a milter", dial, seconds, on_failure), "mx", make_spool)
        visit = guard.meet(Client("192.0.2.7", 25, "mx.example.org"))
        try:
            return await scene(visit)
        finally:
            visit.close()
            await asyncio.sleep(0)  # the last octets leave

    return asyncio.run(whole())


async def up_to_data(visit: Visit) -> None:
    await visit.connected()
    await visit.hello(CLIENT)
    await visit.mail(SENDER)
    await visit.recipient(SENDER, ADA)


async def take(visit: Visit) -> Opinion:
    await up_to_data(visit)
    return await visit.message(SENDER, Arrived(MESSAGE, 0, (ADA,), b"X-Above: y\r\n"))


def refusal_of(milter: ScriptedMilter, **terms: float) -> Refused:
    with milter, pytest.raises(Refused) as caught:
        visit_of(milter, take, **terms)  # type: ignore[arg-type]
    return caught.value


def opinion_of(milter: ScriptedMilter) -> Opinion:
    with milter:
        return visit_of(milter, take)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "milter.sock"


def test_it_is_shown_everything_in_order(path: Path) -> None:
    milter = ScriptedMilter(path)
    assert opinion_of(milter) == NO_OPINION
    assert milter.letters == "ODCDHDMDRTLLLLNBEQ"
    assert milter.rest_of(b"C") == [b"[192.0.2.7]\x004\0\x00192.0.2.7\0"]
    assert milter.rest_of(b"H") == [b"client.example\0"]
    assert milter.rest_of(b"M") == [b"<bob@elsewhere.example>\0"]
    assert milter.rest_of(b"R") == [b"<ada@example.org>\0"]
    assert milter.rest_of(b"L") == [
        b"X-Above\0y\0",
        b"From\0bob@elsewhere.example\0",
        b"Subject\0a\n\tb\0",
        b"X\0no blank\0",
    ]
    assert milter.rest_of(b"B") == [b"Hello.\r\n"]
    assert milter.macros() == {
        "j": "mx.example.org",
        "{daemon_name}": "mx",
        "{daemon_port}": "25",
        "{client_addr}": "192.0.2.7",
        "{tls_version}": "TLSv1.3",
        "{cipher}": "TLS_AES_256_GCM_SHA384",
        "i": "id1",
        "{mail_addr}": "bob@elsewhere.example",
        "{rcpt_addr}": "ada@example.org",
        "{rcpt_host}": "example.org",
    }


def test_it_learns_who_has_logged_in(path: Path) -> None:
    client = Client("192.0.2.7", 465, "mx.example.org", TLS, "x", account(1, "ada@example.org"))

    async def scene(visit: Visit) -> None:
        await visit.connected()
        await visit.mail(MailFrom(client, "id1", Mail(None)))

    with ScriptedMilter(path) as milter:
        visit_of(milter, scene)
    assert milter.macros()["{auth_authen}"] == "ada@example.org"
    assert milter.rest_of(b"M") == [b"<>\0"]


def test_blanks_stay_where_it_wants_them(path: Path) -> None:
    milter = ScriptedMilter(
        path, offer=choice(steps=0x100000), answers={b"E": packet(b"h", b"Y\0z\0") + packet(b"c")}
    )
    opinion = opinion_of(milter)
    assert milter.rest_of(b"L")[2:] == [b"Subject\0 a\n\tb\0", b"X\0no blank\0"]
    assert opinion.replaced == HEADER + b"Y:z\r\n\r\nHello.\r\n"


@pytest.mark.parametrize(
    ("steps", "letters"),
    [
        (0x01 | 0x02, "ODMDRTLLLLNBEQ"),
        (0x04 | 0x08 | 0x200, "ODCDHLLLLNBEQ"),
        (0x10 | 0x20 | 0x40, "ODCDHDMDRTEQ"),
    ],
)
def test_it_is_not_shown_what_it_does_not_want(path: Path, steps: int, letters: str) -> None:
    milter = ScriptedMilter(path, offer=choice(steps=steps))
    opinion_of(milter)
    assert milter.letters == letters


def test_answers_it_will_not_give_are_not_waited_for(path: Path) -> None:
    silent = 0x80 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x40000 | 0x80000
    milter = ScriptedMilter(
        path, offer=choice(steps=silent), unanswered=frozenset(b"C H M R T L N B".split())
    )
    assert opinion_of(milter) == NO_OPINION
    assert milter.letters == "ODCDHDMDRTLLLLNBEQ"


def test_an_old_milter_is_not_told_of_data(path: Path) -> None:
    milter = ScriptedMilter(path, offer=choice(version=2, actions=0x3F))
    opinion_of(milter)
    assert "T" not in milter.letters


# --- no ---


@pytest.mark.parametrize("stage", ["C", "H", "M", "R", "T", "L", "N", "B", "E"])
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (packet(b"r"), 550),
        (packet(b"t"), 451),
        (packet(b"4"), 421),
        (packet(b"f"), 421),
        (packet(b"y", b"554 5.6.0 It has 5% of this\0"), 554),
    ],
)
def test_a_no_at_each_stage(path: Path, stage: str, answer: bytes, code: int) -> None:
    milter = ScriptedMilter(path, {stage.encode(): answer})
    refused = refusal_of(milter)
    assert refused.reply.code == code
    assert refused.close == (code == 421 or stage == "C")


def test_a_message_given_up_in_its_middle_is_aborted(path: Path) -> None:
    milter = ScriptedMilter(path, {b"L": packet(b"r")})
    refusal_of(milter)
    assert milter.letters.endswith("TLAQ")


def test_a_no_to_one_recipient_leaves_the_others(path: Path) -> None:
    async def scene(visit: Visit) -> Opinion:
        await visit.connected()
        await visit.mail(SENDER)
        with pytest.raises(Refused):
            await visit.recipient(SENDER, ADA)
        return await visit.message(SENDER, Arrived(MESSAGE, 0, (GRACE,)))

    with ScriptedMilter(path, {b"R": packet(b"r")}) as milter:
        assert visit_of(milter, scene) == NO_OPINION


def test_its_words_reach_the_client_without_what_could_end_a_line(path: Path) -> None:
    words = b"550-5.7.1 No\x07 \xc3\xa4\r\n550 5.7.1 thanks\0"
    refused = refusal_of(ScriptedMilter(path, {b"E": packet(b"y", words)}))
    assert refused.reply.encode() == b"550-5.7.1 No? ??\r\n550 5.7.1 thanks\r\n"


# --- yes, and nothing more ---


@pytest.mark.parametrize(
    ("stage", "letters"),
    [("C", "ODCQ"), ("H", "ODCDHQ"), ("M", "ODCDHDMAQ"), ("R", "ODCDHDMDRAQ")],
)
def test_accept_ends_the_questions(path: Path, stage: str, letters: str) -> None:
    milter = ScriptedMilter(path, {stage.encode(): packet(b"a")})
    assert opinion_of(milter) == NO_OPINION
    assert milter.letters == letters


def test_accept_of_a_message_is_not_accept_of_the_next(path: Path) -> None:
    async def scene(visit: Visit) -> None:
        await take(visit)
        await visit.mail(SENDER)

    with ScriptedMilter(path, {b"M": packet(b"a")}) as milter:
        visit_of(milter, scene)
    assert milter.letters.count("M") == 2


@pytest.mark.parametrize("stage", [b"M", b"R", b"L", b"B", b"E"])
def test_discard(path: Path, stage: bytes) -> None:
    assert opinion_of(ScriptedMilter(path, {stage: packet(b"d")})).discard


def test_the_rest_of_the_body_is_skipped(path: Path) -> None:
    async def scene(visit: Visit) -> Opinion:
        await up_to_data(visit)
        return await visit.message(SENDER, Arrived(HEADER + b"\r\n" + b"x" * 300_000, 0, (ADA,)))

    answers = {b"B": packet(b"s"), b"E": packet(b"q", b"odd\0") + packet(b"c")}
    with ScriptedMilter(path, answers) as milter:
        assert visit_of(milter, scene).junk == "odd"
    assert milter.letters.count("B") == 1


def test_a_body_goes_in_pieces_that_libmilter_takes(path: Path) -> None:
    body = b"0123456789abcde\n" * 20_000

    async def scene(visit: Visit) -> Opinion:
        await up_to_data(visit)
        return await visit.message(SENDER, Arrived(HEADER + b"\r\n" + body, 0, (ADA,)))

    with ScriptedMilter(path) as milter:
        visit_of(milter, scene)
    pieces = milter.rest_of(b"B")
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) == 65_535


def test_a_new_transaction_aborts_one_that_never_ended(path: Path) -> None:
    async def scene(visit: Visit) -> None:
        await visit.connected()
        await visit.mail(SENDER)
        await visit.mail(SENDER)
        visit.reset()
        visit.reset()

    with ScriptedMilter(path) as milter:
        visit_of(milter, scene)
    assert milter.letters == "ODCDMADMAQ"


# --- changes ---


def changed(path: Path, *packets: bytes, actions: int = 0xFF) -> Opinion:
    answers = {b"E": b"".join(packets) + packet(b"c")}
    return opinion_of(ScriptedMilter(path, answers, choice(actions=actions)))


def test_fields_at_the_top_cost_no_copy(path: Path) -> None:
    first = packet(b"i", b"\0\0\0\x01A\0one\0")
    second = packet(b"i", b"\0\0\0\0B\0two\n three\0")
    opinion = changed(path, first, second)
    assert opinion.fields == b"B: two\r\n three\r\nA: one\r\n"
    assert opinion.replaced is None


def test_fields_added_inserted_changed_and_removed(path: Path) -> None:
    opinion = changed(
        path,
        packet(b"h", b"Z\0last\0"),
        packet(b"i", b"\0\0\0\x03New\0x\0"),
        packet(b"m", b"\0\0\0\x01subject\0other\0"),
        packet(b"m", b"\0\0\0\x01X\0\0"),
        packet(b"m", b"\0\0\0\x05Nobody\0has it\0"),
        packet(b"m", b"\0\0\0\x01X-Above\0not theirs to change\0"),
    )
    assert opinion.replaced == (
        b"From: bob@elsewhere.example\r\nNew: x\r\nsubject: other\r\n"
        b"Z: last\r\nNobody: has it\r\n\r\nHello.\r\n"
    )
    assert opinion.fields == b""


def test_a_body_is_replaced_and_its_lines_are_lines(path: Path) -> None:
    opinion = changed(path, packet(b"b", b"one\r"), packet(b"b", b"\ntwo\n\0three\r\n"))
    assert opinion.replaced == HEADER + b"\r\none\r\ntwo\r\nthree\r\n"


def test_the_envelope_is_changed(path: Path) -> None:
    opinion = changed(
        path,
        packet(b"+", b"<grace@example.org>\0"),
        packet(b"2", b"<ADA@example.org>\0NOTIFY=NEVER\0"),
        packet(b"e", b"<srs0@here.example>\0"),
    )
    assert opinion.recipients == (ADA, GRACE)
    assert opinion.mail == Mail(Address("srs0", "here.example"))
    path.unlink()
    assert changed(path, packet(b"-", b"<Ada@EXAMPLE.org>\0")).recipients == ()
    path.unlink()
    assert changed(path, packet(b"e", b"<>\0")).mail == Mail(None)


@pytest.mark.parametrize(
    "change",
    [
        packet(b"+", b"<no address>\0"),
        packet(b"+", b"<>\0"),
        packet(b"e", b"<a@b\r\nRCPT TO:<x@y>>\0"),
        packet(b"e", b"<\xff@example.org>\0"),
        packet(b"h", b"a b\0x\0"),
        packet(b"h", b"B\xc3\xa4d\0x\0"),
    ],
)
def test_a_change_without_sense_is_left_out(path: Path, change: bytes) -> None:
    opinion = changed(path, change, packet(b"q", b"\0"))
    assert opinion.fields == b""
    assert (opinion.replaced, opinion.recipients, opinion.mail) == (None, None, None)
    assert opinion.junk


def test_a_field_cannot_end_the_header(path: Path) -> None:
    opinion = changed(path, packet(b"i", b"\0\0\0\0X\0a\r\n\r\nb\nEvil: c\r\rd\0"))
    assert opinion.fields == b"X: a\r\n\tb\r\n\tEvil: cd\r\n"


def test_progress_is_waited_for(path: Path) -> None:
    assert changed(path, packet(b"p"), packet(b"p"), packet(b"q", b"slow\0")).junk == "slow"


@pytest.mark.parametrize("at", [b"R", b"L", b"B"])
@pytest.mark.parametrize("said", [packet(b"p"), packet(b"h", b"X\0y\0"), packet(b"b", b"x")])
def test_progress_and_changes_only_at_the_end(path: Path, at: bytes, said: bytes) -> None:
    assert refusal_of(ScriptedMilter(path, {at: said + packet(b"c")})).reply == FILTER_DOWN


def test_a_milter_that_never_comes_to_an_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MESSAGE_SECONDS", IMPATIENCE)
    milter = ScriptedMilter(path, {b"E": ENDLESS})
    assert refusal_of(milter).reply == FILTER_DOWN


@pytest.mark.parametrize(
    "change",
    [packet(b"h", b"X\0y\0"), packet(b"+", b"<ada@example.org>\0"), packet(b"b", b"x")],
)
def test_changes_it_did_not_ask_for_are_nonsense(path: Path, change: bytes) -> None:
    milter = ScriptedMilter(path, {b"E": change + packet(b"c")}, choice(actions=0x10))
    assert refusal_of(milter).reply == FILTER_DOWN


# --- milters that do not work ---


@pytest.mark.parametrize("stage", [b"O", b"C", b"M", b"L", b"B", b"E"])
@pytest.mark.parametrize("misbehaviour", MISBEHAVIOURS)
@pytest.mark.parametrize("on_failure", OnFailure)
def test_a_milter_that_misbehaves(
    path: Path, stage: bytes, misbehaviour: str, on_failure: OnFailure
) -> None:
    answer = MISBEHAVIOURS[misbehaviour]
    slow = answer == SILENT or misbehaviour == "half a packet"
    with ScriptedMilter(path, {stage: answer}) as milter:
        seconds = IMPATIENCE if slow else PATIENCE
        if on_failure is OnFailure.ACCEPT:
            assert visit_of(milter, take, on_failure, seconds) == NO_OPINION
        else:
            with pytest.raises(Refused) as caught:
                visit_of(milter, take, on_failure, seconds)
            assert caught.value.reply == FILTER_DOWN
    assert milter.seen[-1][0] == stage


@pytest.mark.parametrize(
    "offer",
    [
        choice(version=1),
        choice(version=7),
        choice(actions=0x100),
        choice(steps=0x40000000),
        packet(b"O", b"\0\0\0\x06"),
        packet(b"c"),
    ],
)
def test_an_agreement_that_is_none(path: Path, offer: bytes) -> None:
    assert refusal_of(ScriptedMilter(path, offer=offer)).reply == FILTER_DOWN


def test_one_that_fails_at_the_end_has_changed_nothing(path: Path) -> None:
    answers = {b"E": packet(b"i", b"\0\0\0\0A\0one\0") + packet(b"?")}
    with ScriptedMilter(path, answers) as milter:
        assert visit_of(milter, take, OnFailure.ACCEPT) == NO_OPINION


def test_too_many_changes(path: Path) -> None:
    milter = ScriptedMilter(path, {b"E": packet(b"h", b"X\0y\0") * 2_001 + packet(b"c")})
    assert refusal_of(milter).reply == FILTER_DOWN


def test_discard_without_a_message_is_nonsense(path: Path) -> None:
    assert refusal_of(ScriptedMilter(path, {b"H": packet(b"d")})).reply == FILTER_DOWN


def test_nobody_there(tmp_path: Path) -> None:
    absent = ScriptedMilter(tmp_path / "absent.sock")
    with pytest.raises(Refused) as caught:
        visit_of(absent, take)
    assert caught.value.reply == FILTER_DOWN
    assert visit_of(absent, take, OnFailure.ACCEPT) == NO_OPINION
