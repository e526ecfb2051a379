"""One running server for all badly behaved clients of a test process."""

import json
from collections.abc import Iterator

import pytest

from tests.faults.client import READER, Client
from tests.faults.serving import SERVICES, House

KEPT = b"Subject: stays\r\n\r\nThis must still be here.\r\n"

LIMITS = "[limits]\nmessage_octets = 1_000_000"


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """With one worker, so that whoever holds it up holds up everybody."""
    folder = tmp_path_factory.mktemp("bad")
    made = House(folder, folder / "data", workers=1)
    made.prepare([READER, "other"], LIMITS)
    try:
        made.start()
        with Client(made, "imap") as client:
            client.log_in()
            assert client.append(b"Shelf", KEPT).startswith(b"a OK")
        yield made
        for service, tls in SERVICES:
            with Client(made, service, tls) as client:
                client.others_are_served()
    finally:
        made.end()


@pytest.fixture
def house(running: House) -> Iterator[House]:
    """After each test mail is there as before, and the log knows of no fault of our own."""
    errors = _errors(running)
    yield running
    with Client(running, "imap") as client:
        client.log_in()
        client.tagged(b"s EXAMINE Shelf")
        assert b"".join(client.tagged(b"f UID FETCH 1:* BODY.PEEK[]")).count(KEPT) == 1
    assert _errors(running) == errors


def _errors(house: House) -> list[str]:
    """Lines of the log about faults of the server's own."""
    whole, _, _ = house.logged().rpartition("\n")  # the last line may be half written
    return [line for line in whole.splitlines() if json.loads(line)["level"] == "error"]
