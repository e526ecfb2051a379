"""Certificates of a running server: proven on every port, taken back, temporary, after kill -9."""

import asyncio
import hashlib
import os
import select
import signal
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailclad.app.certificate_sources import note_staged
from mailclad.app.certificate_state import CertificateState, read_state
from mailclad.app.open import opened
from mailclad.engines.sqlite.certificates import read_certificates
from mailclad.services.certificates.files import load_pair
from mailclad.store.certificates import CertificateState as Kept
from mailclad.store.certificates import KeptCertificate
from tests.app.served import SECONDS, Served, children, issue
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


def test_a_start_without_a_certificate_serves_a_temporary_one_until_there_is_a_real_one(
    served: Served,
) -> None:
    (served.folder / "chain.pem").unlink()
    with (served.folder / "said").open("wb") as said_to_who_starts_it:
        served.start(stderr=said_to_who_starts_it)
    assert "a temporary one" in (served.folder / "said").read_text()
    (one,) = state(served).served
    assert one.temporary
    said = [event["reason"] for event in served.log() if event["event"].startswith("temporary")]
    assert "Mail programs warn of it" in said[0]
    assert any("chain.pem is not there" in event.get("reason", "") for event in served.log())
    with pytest.raises(ssl.SSLCertVerificationError):
        served.certificate()
    issue(served.folder)
    wait_until(lambda: not state(served).served[0].temporary, "the real one is not served")
    served.imap().logout()


def keep(served: Served, *, tell: bool = True) -> None:
    """What an authority has issued, in the store of the server."""
    issue(served.folder)
    pair = load_pair(served.folder / "chain.pem", served.folder / "key.pem").chain
    certificate = KeptCertificate(
        id=0,
        names=pair.names,
        chain_pem=pair.chain_pem,
        key_pem=pair.key_pem,
        kind=pair.kind,
        authority="test",
        not_before=int(pair.not_before.timestamp()),
        not_after=int(pair.not_after.timestamp()),
        state=Kept.STAGED,
        made_at=int(pair.not_before.timestamp()),
    )

    async def stage() -> None:
        async with opened(served.folder / "data") as things:
            await things.store.stage_certificate(certificate)

    asyncio.run(stage())
    if tell:
        note_staged(served.folder / "data")


def kept_states(served: Served) -> list[str]:
    """The newest first."""
    return [str(row.state) for row in read_certificates(served.folder / "data")]


def without_files(served: Served) -> None:
    lines = served.file.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("certificate", "key"))]
    served.file.write_text("\n".join(kept) + "\n")


def test_what_an_authority_issued_is_served_and_marked_live(served: Served) -> None:
    without_files(served)
    served.start()
    assert state(served).served[0].temporary
    keep(served)
    wait_until(lambda: kept_states(served) == ["live"], "the first is not live")
    served.imap().logout()
    keep(served)
    wait_until(lambda: kept_states(served) == ["live", "retired"], "the next is not live")
    assert served.stop() == 0


def test_what_was_staged_before_a_kill_is_served_and_proven_after_it(served: Served) -> None:
    without_files(served)
    keep(served)
    served.start()
    wait_until(lambda: kept_states(served) == ["live"], "the first is not live")
    before = served.certificate()
    workers = [os.pidfd_open(pid) for pid in children(served.running.pid)]
    keep(served, tell=False)  # nobody has told the server yet
    served.running.kill()
    served.running.wait()
    for worker in workers:
        assert select.select([worker], [], [], SECONDS)[0], "a worker outlives its supervisor"
        os.close(worker)
    served.start()
    wait_until(lambda: kept_states(served) == ["live", "retired"], "the staged one is lost")
    assert served.certificate() != before


def test_workers_that_die_while_certificates_change_are_replaced_by_such_with_the_new_ones(
    served: Served,
) -> None:
    served.start()
    wait_until(lambda: is_proven(served), "nothing is proven")
    old = state(served).served[0].fingerprint
    issue(served.folder)
    served.running.send_signal(signal.SIGHUP)
    for pid in children(served.running.pid):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: state(served).served[0].fingerprint != old, "they are not served")
    wait_until(lambda: len(children(served.running.pid)) == 2, "a worker is missing")
    shown = {hashlib.sha256(served.certificate()).hexdigest() for _ in range(8)}
    assert shown == {state(served).served[0].fingerprint}


def test_ports_that_show_the_old_one_take_the_new_one_back(served: Served) -> None:
    served.start(program=("-m", "tests.faults.stubborn"))
    wait_until(lambda: is_proven(served), "nothing is proven")
    before = served.certificate()
    issue(served.folder)
    wait_until(lambda: bool(state(served).refused), "nothing is refused")
    (refused,) = state(served).refused
    assert "shows another certificate" in refused.reason
    assert served.certificate() == before
    told = [event["reason"] for event in served.log() if event["event"] == "certificates refuted"]
    assert len(told) == 1
    served.imap().logout()
