"""A real rspamd beside a running server: over HTTP, and as a milter."""

from collections.abc import Iterator

import pytest

from tests.filters.served import ADA, FilteredServer, message, milter, rspamd
from tests.interop.rspamd import ADD_HEADER, REJECT, REWRITE_SUBJECT, Rspamd, running

pytestmark = [pytest.mark.interop("rspamd"), pytest.mark.slow]


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rspamd]:
    with running(tmp_path_factory.mktemp("rspamd")) as it:
        yield it


@pytest.fixture(params=["http", "milter"])
def server(request: pytest.FixtureRequest, beside: Rspamd) -> Iterator[FilteredServer]:
    filters = (
        rspamd(f"http://127.0.0.1:{beside.scanner}")
        if request.param == "http"
        else milter(f"inet:127.0.0.1:{beside.milter}")
    )
    with FilteredServer(filters) as it:
        assert isinstance(it, FilteredServer)
        yield it


def test_it_passes_what_is_good(server: FilteredServer) -> None:
    assert server.take(message())[0] == 250
    (octets,) = server.octets(ADA)
    assert octets.endswith(message())


def test_it_rejects_spam(server: FilteredServer) -> None:
    code, text = server.take(message(body=REJECT))
    assert (code, text[:5]) in [(550, b"5.7.1"), (554, b"5.7.1")]
    assert server.octets(ADA) == []


def test_it_asks_to_wait(server: FilteredServer) -> None:
    assert server.take(message("wait")) == (451, b"4.7.1 Come back later")


def test_it_changes_fields(server: FilteredServer) -> None:
    assert server.take(b"X-Private: a\r\nx-private: b\r\n" + message("tidy"))[0] == 250
    (octets,) = server.octets(ADA)
    assert b"\r\nX-Seen: by rspamd\r\n" in octets
    assert b"rivate" not in octets
    assert octets.endswith(b"\r\n\r\nHello.\r\n")


@pytest.mark.parametrize(
    ("body", "subject"), [(ADD_HEADER, "hello"), (REWRITE_SUBJECT, "*** SPAM *** hello")]
)
def test_what_it_suspects_lies_in_junk(beside: Rspamd, body: str, subject: str) -> None:
    with FilteredServer(rspamd(f"http://127.0.0.1:{beside.scanner}")) as server:
        assert server.take(message(body=body))[0] == 250
        (found,) = server.messages(ADA, "Junk")
        assert server.messages(ADA) == []
    assert found["Subject"] == subject
    assert found["X-Spam-Status"].startswith("Yes, score=")
    assert "GTUBE" in found["X-Spam-Status"]


def test_large_messages_go_there_in_pieces(server: FilteredServer) -> None:
    large = message(body="All work and no play.\n" * 100_000)
    assert server.take(large)[0] == 250
    assert server.octets(ADA)[0].endswith(large)
