"""The live watch's view: each row of its table, in the program's own words."""

import re

import pytest

from mailclad.services.client_setup.clients import clients
from mailclad.services.client_setup.lights import (
    NOTHING_SECONDS,
    SEND_SECONDS,
    SIGN_IN_SECONDS,
    LightState,
    WatchView,
    Words,
    view,
)
from mailclad.store.model import AccountId
from mailclad.store.setup_watches import WATCH_SECONDS, Notice, NoticeKind, Watch

OPENED = 1_000
WATCH = Watch(1, AccountId(1), 7, "192.0.2.1", "samsung", OPENED)
PORTS = {"imap": 993, "pop3": 995, "submission": 465}


def seen(
    *notices: Notice, client: str = "samsung", now: int = OPENED + 10, ports: bool = True
) -> WatchView:
    words = Words(clients()[client]) if ports else Words(clients()[client], {"imap": 1993})
    return view(WATCH, notices, words, now)


def notice(
    kind: NoticeKind, service: str = "imap", at: int = OPENED + 1, detail: str = ""
) -> Notice:
    port = {"imap": 143, "submission": 587}[service] if kind is NoticeKind.TLS_TOO_SOON else 0
    return Notice(kind, at, service, port or PORTS[service], detail)


def states(found: WatchView) -> str:
    signs = {LightState.WAITING: ".", LightState.GREEN: "g", LightState.RED: "r"}
    return "".join(signs[one.state] for one in found.lights)


ROWS = {
    NoticeKind.KNOCKED: ("MODE-201", ["port 993", "**TLS**", "**SSL**"], "r.."),
    NoticeKind.TLS_TOO_SOON: ("MODE-202", ["port 143", "**993**", "**TLS**"], "r.."),
    NoticeKind.LEFT_IN_CLEAR: ("CLIENT-706", ["without encryption", "**SSL**", "**993**"], "r.."),
    NoticeKind.PLAIN_SIGN_IN: ("CLIENT-706", ["refused", "**SSL**", "**993**"], ".r."),
    NoticeKind.PASSWORD_SENT: ("AUTH-506", ["cancelled", "**SSL**"], ".r."),
    NoticeKind.DISTRUST: ("CERT-305", ["certificate"], "r.."),
    NoticeKind.TOO_OLD: ("CLIENT-701", ["too old"], "r.."),
    NoticeKind.TLS_FAILED: ("TLS-408", ["port 993"], "r.."),
    NoticeKind.OTHER_PASSWORD: ("AUTH-502", ["normal password"], ".r."),
    NoticeKind.WRONG_MAIN_PASSWORD: ("AUTH-502", ["app password"], ".r."),
    NoticeKind.WRONG_PASSWORD: ("AUTH-501", ["16 letters"], ".r."),
    NoticeKind.SHORT_NAME: ("AUTH-503", ["whole address"], ".r."),
}


@pytest.mark.parametrize("kind", ROWS)
def test_each_fault_is_named(kind: NoticeKind) -> None:
    finding, words, lights = ROWS[kind]
    found = seen(notice(kind))
    assert found.fault is not None
    assert found.fault.finding == finding
    assert all(word in found.fault.words for word in words)
    assert "{" not in found.fault.words
    assert states(found) == lights
    assert found.cancelled is (kind is NoticeKind.PASSWORD_SENT)


def test_every_fault_has_its_row() -> None:
    successes = {NoticeKind.CONNECTED, NoticeKind.SIGNED_IN, NoticeKind.SENT}
    assert set(ROWS) == set(NoticeKind) - successes


def test_three_lights_turn_green() -> None:
    done = [
        notice(NoticeKind.CONNECTED, detail="TLSv1.3"),
        notice(NoticeKind.SIGNED_IN),
        notice(NoticeKind.SIGNED_IN, "submission"),
        notice(NoticeKind.SENT, "submission"),
    ]
    assert [states(seen(*done[:number])) for number in range(5)] == [
        "...", "g..", "gg.", "gg.", "ggg",
    ]  # fmt: skip
    whole = seen(*done)
    assert whole.finished
    assert whole.fault is None
    assert whole.lights[0].words == "IMAP, port 993, TLS 1.3"


def test_a_message_by_another_device_is_not_this_ones() -> None:
    assert (
        states(seen(notice(NoticeKind.SIGNED_IN), notice(NoticeKind.SENT, "submission"))) == "gg."
    )


def test_what_works_afterwards_overtakes_a_fault() -> None:
    fault = notice(NoticeKind.KNOCKED)
    assert seen(fault, notice(NoticeKind.CONNECTED)).fault is None
    assert seen(fault, notice(NoticeKind.CONNECTED, "submission")).fault is not None
    wrong = notice(NoticeKind.WRONG_PASSWORD)
    assert seen(wrong, notice(NoticeKind.CONNECTED)).fault is not None
    assert seen(wrong, notice(NoticeKind.SIGNED_IN)).fault is None


def test_a_password_that_was_seen_by_others_stays_cancelled() -> None:
    found = seen(notice(NoticeKind.PASSWORD_SENT), notice(NoticeKind.SIGNED_IN))
    assert found.cancelled
    assert found.fault is not None


def test_sending_that_fails_shows_where() -> None:
    found = seen(notice(NoticeKind.SIGNED_IN), notice(NoticeKind.KNOCKED, "submission"))
    assert states(found) == "ggr"
    assert found.fault is not None
    assert "465" in found.fault.words


def test_the_newest_fault_is_shown() -> None:
    found = seen(notice(NoticeKind.KNOCKED), notice(NoticeKind.SHORT_NAME))
    assert found.fault is not None
    assert found.fault.finding == "AUTH-503"


def test_who_only_receives_is_asked_to_send() -> None:
    signed_in = notice(NoticeKind.SIGNED_IN)
    assert seen(signed_in, now=signed_in.at + SEND_SECONDS - 1).fault is None
    hint = seen(signed_in, now=signed_in.at + SEND_SECONDS).fault
    assert hint is not None
    assert (hint.finding, "send a message" in hint.words) == ("", True)


def test_nothing_for_long_names_what_may_be_in_the_way() -> None:
    assert seen(now=OPENED + NOTHING_SECONDS - 1).fault is None
    hint = seen(now=OPENED + NOTHING_SECONDS).fault
    assert hint is not None
    assert "143 or 110" in hint.words
    elsewhere = seen(now=OPENED + NOTHING_SECONDS, ports=False).fault
    assert elsewhere is not None
    assert "143" not in elsewhere.words


@pytest.mark.parametrize(("client", "lights"), [("mbsync", 2), ("printer", 3), ("mutt", 3)])
def test_programs_have_the_lights_of_what_they_do(client: str, lights: int) -> None:
    assert len(seen(client=client).lights) == lights


def test_a_watch_ends_by_itself() -> None:
    assert not seen(now=OPENED + WATCH_SECONDS - 1).finished
    assert seen(now=OPENED + WATCH_SECONDS).finished


@pytest.mark.parametrize("client", clients())
@pytest.mark.parametrize("kind", ROWS)
def test_no_fault_says_a_word_that_the_program_does_not_know(
    client: str, kind: NoticeKind
) -> None:
    words = clients()[client].words
    found = seen(notice(kind), client=client).fault
    assert found is not None
    marked = set(re.findall(r"\*\*(.*?)\*\*", found.words))
    ours = {"We have cancelled that app password."}
    assert marked <= {words.implicit, words.starttls, "993"} | ours
    if kind is NoticeKind.KNOCKED:
        assert words.implicit in marked


@pytest.mark.parametrize("client", ["getmail", "iphone"])
def test_programs_that_cannot_choose_starttls_are_not_told_to(client: str) -> None:
    """They cannot, or have one word for both."""
    knocked = seen(notice(NoticeKind.KNOCKED), client=client).fault
    too_soon = seen(notice(NoticeKind.TLS_TOO_SOON), client=client).fault
    assert knocked is not None
    assert "set to no encryption. Choose **" in knocked.words
    assert too_soon is not None
    assert too_soon.words.endswith("Choose port **993**.")


@pytest.mark.parametrize(
    "kind", [NoticeKind.TLS_TOO_SOON, NoticeKind.PLAIN_SIGN_IN, NoticeKind.PASSWORD_SENT]
)
def test_where_no_port_is_encrypted_from_the_first_octet_none_is_told(kind: NoticeKind) -> None:
    found = seen(Notice(kind, OPENED, "submission", 587), ports=False).fault
    assert found is not None
    assert "**TLS** with port **587**" in found.words
    assert "SSL" not in found.words


def test_a_page_goes_on_while_a_fault_is_left() -> None:
    """Sending works; reading does not yet."""
    sending = [
        notice(NoticeKind.SIGNED_IN, "submission"),
        notice(NoticeKind.SENT, "submission"),
        notice(NoticeKind.WRONG_PASSWORD),
    ]
    assert states(seen(*sending)) == "ggg"
    assert not seen(*sending).finished
    assert seen(*sending, notice(NoticeKind.SIGNED_IN)).finished


def test_who_reads_by_imap_needs_no_pop3() -> None:
    knocked = notice(NoticeKind.KNOCKED, "pop3")
    assert seen(knocked, notice(NoticeKind.CONNECTED)).fault is not None
    assert seen(knocked, notice(NoticeKind.SIGNED_IN)).fault is None
    assert seen(knocked, notice(NoticeKind.SIGNED_IN, "submission")).fault is not None


def test_who_only_sends_is_not_told_of_ports_for_reading() -> None:
    hint = seen(client="printer", now=OPENED + NOTHING_SECONDS).fault
    assert hint is not None
    assert "143" not in hint.words


def test_who_connects_without_signing_in_is_asked_for_the_name() -> None:
    connected = notice(NoticeKind.CONNECTED)
    assert seen(connected, now=connected.at + SIGN_IN_SECONDS - 1).fault is None
    hint = seen(connected, now=connected.at + SIGN_IN_SECONDS).fault
    assert hint is not None
    assert (hint.finding, "letter by letter" in hint.words) == ("", True)
    later = notice(NoticeKind.SIGNED_IN, at=connected.at + 1)
    assert seen(connected, later, now=connected.at + SIGN_IN_SECONDS).fault is None


def test_a_look_at_a_plain_port_is_no_fault_where_encryption_works() -> None:
    """Programs that look for settings visit every port."""
    left, works = notice(NoticeKind.LEFT_IN_CLEAR), notice(NoticeKind.CONNECTED)
    assert seen(works, left).fault is None
    assert seen(left, works).fault is None
    assert seen(left, notice(NoticeKind.CONNECTED, "submission")).fault is not None


def test_encryption_that_begins_overtakes_a_sign_in_without_it() -> None:
    plain = notice(NoticeKind.PLAIN_SIGN_IN)
    assert seen(plain, notice(NoticeKind.CONNECTED)).fault is None


def test_only_what_is_wrong_with_sending_turns_its_light_red() -> None:
    """A telephone of theirs that still has an old password, at the same place."""
    other = notice(NoticeKind.WRONG_PASSWORD)
    assert states(seen(notice(NoticeKind.SIGNED_IN), other)) == "gg."
