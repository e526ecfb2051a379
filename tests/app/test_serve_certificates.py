"""Certificates of a running server: proven on every port, taken back, temporary, after kill -9."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailclad.app.certificate_state import CertificateState, read_state
from tests.app.served import Served, issue
from tests.faults.serving import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    made.prepare()
    yield made
    made.end()


def state(served: Served) -> CertificateState:
    found = read_state(served.folder / "data")
    assert found is not None
    return found


def is_proven(served: Served) -> bool:
    found = read_state(served.folder / "data")
    return found is not None and all(one.proven_at is not None for one in found.served)


def test_what_is_served_at_the_start_is_proven_on_every_port(served: Served) -> None:
    served.start()
    wait_until(lambda: is_proven(served), "nothing is proven")
    (one,) = state(served).served
    assert one.proven_on == (f"imap {served.imaps} at 127.0.0.1",)
    assert one.unproven == ()
    assert served.stop() == 0
    assert [e for e in served.log() if e["event"] == "connection ended"] == []


def test_a_renewed_file_is_served_by_every_worker_without_a_reload(served: Served) -> None:
    served.start()
    wait_until(lambda: is_proven(served), "nothing is proven")
    before = served.certificate()
    old = state(served).served[0].fingerprint
    client = served.imap()
    issue(served.folder)
    wait_until(lambda: state(served).served[0].fingerprint != old, "nothing is renewed")
    assert is_proven(served)
    assert len({served.certificate() for _ in range(8)} | {before}) == 2
    assert client.noop()[0] == "OK"
    client.logout()
