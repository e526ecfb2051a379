"""Certificates of ACME authorities in the index, and what renewal remembers."""

from dataclasses import replace
from pathlib import Path

import pytest

from mailclad.base.secret import Secret
from mailclad.engines.sqlite.certificates import read_certificates
from mailclad.store.certificates import CertificateState, KeptCertificate
from mailclad.store.errors import CertificateNotFound
from mailclad.store.renewals import ATTEMPTS_KEPT, Attempt, KeptWindow, NextKey
from tests.engines.stores import opened, run

KEPT = KeptCertificate(
    id=0,
    names=("mail.example.org", "mta-sts.example.org"),
    chain_pem=b"chain",
    key_pem=Secret(b"key"),
    kind="ec",
    authority="letsencrypt",
    not_before=1_000,
    not_after=9_000,
    state=CertificateState.STAGED,
    made_at=2_000,
)
ATTEMPT = Attempt(2_000, 0, "ec", "letsencrypt", KEPT.names, issued=True, told="issued")


def states(kept: tuple[KeptCertificate, ...]) -> dict[int, CertificateState]:
    return {one.id: one.state for one in kept}


def test_one_is_live_in_each_place(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            first = await store.stage_certificate(KEPT)
            other = await store.stage_certificate(replace(KEPT, kind="rsa"))
            far = await store.stage_certificate(replace(KEPT, series=1))
            for one in (first, other, far):
                await store.settle_certificate(one, CertificateState.LIVE, "proven")
            second = await store.stage_certificate(replace(KEPT, made_at=3_000))
            await store.settle_certificate(second, CertificateState.LIVE, "proven again")

            kept = await store.certificates()
            assert states(kept) == {
                second: CertificateState.LIVE,
                far: CertificateState.LIVE,
                other: CertificateState.LIVE,
                first: CertificateState.RETIRED,
            }
            assert [one.id for one in kept] == [second, far, other, first]
            assert kept[0].note == "proven again"
            assert kept[0].names == KEPT.names
            assert kept[0].key_pem.reveal() == b"key"

    run(main())


def test_what_is_staged_anew_takes_the_place_of_what_was(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.stage_certificate(KEPT)
            second = await store.stage_certificate(KEPT)
            assert states(await store.certificates()) == {second: CertificateState.STAGED}

    run(main())


def test_a_refusal_leaves_all_others_alone(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            live = await store.stage_certificate(KEPT)
            await store.settle_certificate(live, CertificateState.LIVE, "proven")
            for _ in range(2):
                one = await store.stage_certificate(KEPT)
                await store.settle_certificate(one, CertificateState.REFUSED, "no proof")
            found = list(states(await store.certificates()).values())
            assert found == [*[CertificateState.REFUSED] * 2, CertificateState.LIVE]

    run(main())


def test_only_what_is_used_no_more_and_ended_is_forgotten(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            one = 0
            for _ in range(2):
                one = await store.stage_certificate(KEPT)
                await store.settle_certificate(one, CertificateState.LIVE, "")
                await store.keep_renewal_window(KeptWindow(one, 1, 2, 3))
            assert await store.forget_certificates(9_000) == 0
            assert await store.forget_certificates(9_001) == 1
            assert states(await store.certificates()) == {one: CertificateState.LIVE}
            assert [window.certificate for window in await store.renewal_windows()] == [one]

    run(main())


def test_one_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            with pytest.raises(CertificateNotFound):
                await store.settle_certificate(7, CertificateState.LIVE, "")
            with pytest.raises(CertificateNotFound):
                await store.keep_renewal_window(KeptWindow(7, 1, 2, 3))

    run(main())


def test_the_supervisor_reads_without_a_connection_that_stays(tmp_path: Path) -> None:
    assert read_certificates(tmp_path) == ()

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.stage_certificate(KEPT)
            (kept,) = read_certificates(tmp_path)
            assert kept.names == KEPT.names

    run(main())
    assert len(read_certificates(tmp_path)) == 1


def test_an_index_from_before_certificates_has_none(tmp_path: Path) -> None:
    (tmp_path / "index.db").touch()
    assert read_certificates(tmp_path) == ()


def test_each_place_keeps_its_last_attempts(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.note_attempt(replace(ATTEMPT, kind="rsa"))
            for at in range(ATTEMPTS_KEPT + 1):
                await store.note_attempt(replace(ATTEMPT, at=at))
            kept = await store.attempts()
            of_ec = [one.at for one in kept if one.kind == "ec"]
            assert of_ec == list(range(ATTEMPTS_KEPT, 0, -1))
            assert len(kept) == ATTEMPTS_KEPT + 1

    run(main())


def test_windows_attempts_and_next_keys_come_back_as_they_were(tmp_path: Path) -> None:
    failed = replace(
        ATTEMPT,
        issued=False,
        told="no",
        failed={"mta-sts.example.org": "no address"},
        finding="ACME-433",
        not_before=5_000,
    )

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.note_attempt(failed)
            one = await store.stage_certificate(KEPT)
            await store.keep_renewal_window(KeptWindow(one, 1, 2, 3))
            await store.keep_renewal_window(KeptWindow(one, None, None, 4, "why"))
            for since in (None, 7):
                await store.keep_next_key(NextKey("ec", Secret(b"next"), 1, since, 3600))

            assert await store.attempts() == (failed,)
            assert await store.renewal_windows() == (KeptWindow(one, None, None, 4, "why"),)
            (key,) = await store.next_keys()
            assert (key.kind, key.pem.reveal(), key.shown_since) == ("ec", b"next", 7)

    run(main())
