"""Milters of a running server, through its real ports: working, misbehaving, starting anew."""

import smtplib
from pathlib import Path

import msgspec
import pytest

from mailclad.app.settings.filters import Door, FiltersConfig
from mailclad.services.receive.filter_failure import OnFailure
from tests.filters.scripted import CLOSE, ScriptedMilter, packet
from tests.filters.served import ADA, BOB, GRACE, FilteredServer, give, message, milter

WAIT = (451, b"4.7.1 A filter does not work at the moment; try again later")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "milter.sock"


def test_it_changes_a_message_and_where_it_goes(path: Path) -> None:
    changes = (
        packet(b"i", b"\0\0\0\x01X-Top\0one\0"),
        packet(b"h", b"X-Bottom\0two\0"),
        packet(b"b", b"Another body.\r\n"),
        packet(b"+", b"<grace@example.test>\0"),
        packet(b"-", b"<ada@example.test>\0"),
        packet(b"e", b"<bounces@elsewhere.example>\0"),
    )
    scripted = ScriptedMilter(path, {b"E": b"".join(changes) + packet(b"c")})
    with scripted, FilteredServer(milter(scripted.name)) as server:
        assert server.take(message())[0] == 250
        assert server.octets(ADA) == []
        (octets,) = server.octets(GRACE)
    assert octets.startswith(b"Return-Path: <bounces@elsewhere.example>\r\nX-Top: one\r\n")
    assert octets.endswith(b"\r\nX-Bottom: two\r\n\r\nAnother body.\r\n")


def test_quarantine_is_junk(path: Path) -> None:
    scripted = ScriptedMilter(path, {b"E": packet(b"q", b"odd\0") + packet(b"c")})
    with scripted, FilteredServer(milter(scripted.name)) as server:
        server.take(message())
        assert len(server.octets(ADA, "Junk")) == 1


def test_it_lasts_as_long_as_the_connection(path: Path) -> None:
    scripted = ScriptedMilter(path)
    with (
        scripted,
        FilteredServer(milter(scripted.name)) as server,
        smtplib.SMTP(*server.endpoint("smtp", "starttls")) as client,
    ):
        client.starttls(context=server.ssl_context)
        for _ in range(2):
            assert give(client, BOB, (ADA,), message())[0] == 250
        client.mail(BOB)
        client.rset()
    assert scripted.letters.replace("D", "") == "OCHHMRTLLLLLLLLNBEMRTLLLLLLLLNBEMAQ"


def test_a_refusal_closes_what_it_should(path: Path) -> None:
    scripted = ScriptedMilter(path, {b"C": packet(b"y", b"554 5.7.1 Go away\0")})
    with scripted, FilteredServer(milter(scripted.name)) as server:
        with pytest.raises(smtplib.SMTPConnectError) as caught:
            server.take(message())
        assert (caught.value.smtp_code, caught.value.smtp_error) == (554, b"5.7.1 Go away")


@pytest.mark.parametrize(
    ("listeners", "asked"), [((Door.MX,), "MX"), ((Door.SUBMISSION,), "submission")]
)
def test_only_its_listeners_ask_it(path: Path, listeners: tuple[Door, ...], asked: str) -> None:
    scripted = ScriptedMilter(path)
    (one,) = milter(scripted.name).milter
    filters = FiltersConfig(milter=(msgspec.structs.replace(one, listeners=listeners),))
    with scripted, FilteredServer(filters) as server:
        server.take(message())
        server.submit(message().replace(BOB.encode(), ADA.encode()))
    sender = b"<bob@elsewhere.example>\0" if asked == "MX" else b"<ada@example.test>\0"
    assert scripted.rest_of(b"M") == [sender]


@pytest.mark.parametrize("stage", [b"O", b"R", b"E"])
def test_one_that_fails_defers_or_lets_pass(path: Path, stage: bytes) -> None:
    scripted = ScriptedMilter(path, {stage: CLOSE})
    with scripted, FilteredServer(milter(scripted.name)) as server:
        assert server.take(message()) == WAIT
        assert server.octets(ADA) == []
    path.unlink()
    with scripted, FilteredServer(milter(scripted.name, OnFailure.ACCEPT)) as server:
        assert server.take(message())[0] == 250
        assert server.octets(ADA)[0].endswith(message())


def test_it_may_come_up_later(path: Path) -> None:
    scripted = ScriptedMilter(path)
    with FilteredServer(milter(scripted.name)) as server:
        assert server.take(message()) == WAIT
        with scripted:
            assert server.take(message())[0] == 250


def test_two_milters_see_each_others_results(path: Path) -> None:
    first = ScriptedMilter(path, {b"E": packet(b"i", b"\0\0\0\0X-First\0y\0") + packet(b"c")})
    second = ScriptedMilter(path.with_suffix(".2"))
    filters = FiltersConfig(milter=milter(first.name).milter + milter(second.name).milter)
    with first, second, FilteredServer(filters) as server:
        assert server.take(message())[0] == 250
    assert second.rest_of(b"L")[0] == b"X-First\0y\0"
