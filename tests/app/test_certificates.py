"""Which certificates are chosen: new ones that are fit to be served, never worse ones."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailclad.app.certificate_sources import note_staged
from mailclad.app.certificate_state import read_state
from mailclad.app.certificates import CertificateProblem, Certificates, ensure_ca
from mailclad.app.config import Config, parse_config
from mailclad.base.secret import Secret
from mailclad.servers.loopback import Proof
from mailclad.store.certificates import CertificateState, KeptCertificate
from tests.services.certificates import pki

DAY = 86_400
NOW = int(datetime.now(UTC).timestamp())

FILES = 'certificate = "chain.pem"\nkey = "chain.key"'
NAMES = ("mail.example.org",)
ROOT = pki.issue("root", ca=True)
MIDDLE = pki.issue("middle", ROOT, ca=True)


def config(folder: Path, tls: str, hostname: str = "mail.example.org") -> Config:
    (folder / "data").mkdir(exist_ok=True)
    text = f'[server]\nhostname = "{hostname}"\ndata = "data"\n[tls]\n{tls}\n'
    return parse_config(text, folder / "mailclad.toml")


def write(
    folder: Path, *, days: int = 60, begins: int = -1, chain: bool = True, **more: object
) -> bytes:
    """A pair of files; returns the leaf as it will be served."""
    leaf = pki.issue(
        "leaf",
        MIDDLE,
        begins=pki.NOW + timedelta(days=begins),
        ends=pki.NOW + timedelta(days=days),
        **{"hosts": NAMES, **more},  # type: ignore[arg-type]
    )
    leaf.store(folder, "chain", *([MIDDLE] if chain else []))
    return leaf.pem


def began(folder: Path, tls: str = FILES) -> tuple[Certificates, Config]:
    certificates, made = Certificates(), config(folder, tls)
    certificates.start(made, NOW)
    return certificates, made


def leaf_of(certificates: Certificates) -> bytes:
    return certificates.present.chains[0].chain_pem


def test_files_are_loaded_and_their_change_is_noticed(tmp_path: Path) -> None:
    first = write(tmp_path)
    certificates, made = began(tmp_path)
    assert leaf_of(certificates).startswith(first)
    assert certificates.look(made, NOW + 3650 * DAY) is None
    second = write(tmp_path)
    chosen = certificates.look(made, NOW)
    assert chosen is not None
    assert leaf_of(certificates).startswith(first), "not before it is proven"
    certificates.were_proven(made, chosen, Proof(), NOW)
    assert leaf_of(certificates).startswith(second)
    assert certificates.look(made, NOW) is None


@pytest.mark.parametrize(
    ("worse", "said"),
    [
        ({"days": 0}, "ended on"),
        ({"begins": 1}, "is valid only from"),
        ({"chain": False}, "full chain"),
        ({"hosts": ("imap.example.org",)}, "no longer names mail.example.org"),
    ],
)
def test_a_worse_certificate_does_not_take_the_place_of_a_better_one(
    tmp_path: Path, worse: dict[str, object], said: str
) -> None:
    write(tmp_path)
    certificates, made = began(tmp_path)
    write(tmp_path, **worse)  # type: ignore[arg-type]
    assert certificates.look(made, NOW) is None
    state = read_state(tmp_path / "data")
    assert state is not None
    assert said in state.refused[0].reason
    with pytest.raises(CertificateProblem, match=said):
        Certificates.reload(certificates_anew(tmp_path, made), made, NOW)


def certificates_anew(folder: Path, made: Config) -> Certificates:
    """Served a good one, and not looked since."""
    worse = (folder / "chain.pem").read_bytes(), (folder / "chain.key").read_bytes()
    write(folder)
    certificates = Certificates()
    certificates.start(made, NOW)
    (folder / "chain.pem").write_bytes(worse[0])
    (folder / "chain.key").write_bytes(worse[1])
    return certificates


def test_an_imperfect_one_takes_the_place_of_one_that_has_ended(tmp_path: Path) -> None:
    write(tmp_path)
    certificates, made = began(tmp_path)
    write(tmp_path, days=90, chain=False)
    assert certificates.look(made, NOW) is None
    assert certificates.look(made, NOW + 61 * DAY) is not None


def test_one_that_is_not_valid_yet_is_taken_when_it_is(tmp_path: Path) -> None:
    write(tmp_path)
    certificates, made = began(tmp_path)
    write(tmp_path, begins=2, days=90)
    assert certificates.look(made, NOW) is None
    assert certificates.look(made, NOW + 3 * DAY) is not None
    state = read_state(tmp_path / "data")
    assert state is not None
    assert state.refused == ()


def test_imperfect_ones_are_renewed_by_imperfect_ones(tmp_path: Path) -> None:
    write(tmp_path, chain=False)
    certificates, made = began(tmp_path)
    write(tmp_path, chain=False)
    assert certificates.look(made, NOW) is not None


def test_half_a_file_is_waited_for_and_then_told_of(tmp_path: Path) -> None:
    write(tmp_path)
    certificates, made = began(tmp_path)
    (tmp_path / "chain.pem").write_text("half a file")
    assert certificates.look(made, NOW) is None
    state = read_state(tmp_path / "data")
    assert state is not None
    assert state.refused == ()
    assert certificates.look(made, NOW + 61) is None
    state = read_state(tmp_path / "data")
    assert state is not None
    assert "holds no certificate" in state.refused[0].reason
    with pytest.raises(CertificateProblem, match=r"chain\.pem holds no certificate"):
        certificates.reload(made, NOW)
    write(tmp_path)
    assert certificates.look(made, NOW) is not None


@pytest.mark.parametrize("names", [("fullchain.pem", "privkey.pem"), ("live.crt", "live.key")])
def test_a_directory_of_certbot_or_caddy_is_watched(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    def renew() -> bytes:
        leaf = write(tmp_path)
        for name, content in zip(names, ("chain.pem", "chain.key"), strict=True):
            (tmp_path / "live" / name).write_bytes((tmp_path / content).read_bytes())
        return leaf

    (tmp_path / "live").mkdir()
    first = renew()
    certificates, made = began(tmp_path, 'directory = "live"')
    assert leaf_of(certificates).startswith(first)
    renew()
    assert certificates.look(made, NOW) is not None


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    """As certbot's folder is to all but root."""
    was_root = os.geteuid() == 0
    folder.chmod(0)
    if was_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)
        folder.chmod(0o700)


@pytest.mark.parametrize("names", [("fullchain.pem", "privkey.pem"), ("live.crt", "live.key")])
def test_a_directory_that_only_root_sees_is_served_on(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    leaf = write(tmp_path)
    (tmp_path / "live").mkdir()
    for name, content in zip(names, ("chain.pem", "chain.key"), strict=True):
        (tmp_path / "live" / name).write_bytes((tmp_path / content).read_bytes())
    certificates, made = Certificates(), config(tmp_path, 'directory = "live"')
    certificates.read_files(made, NOW)
    with closed(tmp_path / "live"):
        certificates.root_was_given_up()
        certificates.start(made, NOW)
        assert leaf_of(certificates).startswith(leaf)
        assert certificates.look(made, NOW + 3600) is None
        assert certificates.reload(made, NOW + 3600) == certificates.present


@pytest.mark.parametrize("tls", ["", FILES])
def test_a_temporary_one_stands_in_until_there_is_a_real_one(tmp_path: Path, tls: str) -> None:
    certificates, made = began(tmp_path, tls)
    assert certificates.present.offers[0].temporary
    assert certificates.present.chains[0].names == NAMES
    assert certificates.look(made, NOW) is None
    if tls:
        write(tmp_path, chain=False)
        chosen = certificates.look(made, NOW)
        assert chosen is not None
        assert not chosen.offers[0].temporary


def test_one_pair_that_is_broken_does_not_keep_the_other(tmp_path: Path) -> None:
    write(tmp_path)
    more = f'{FILES}\n[[tls.certificates]]\ncertificate = "other.pem"\nkey = "other.key"'
    certificates, _ = began(tmp_path, more)
    assert [offer.temporary for offer in certificates.present.offers] == [False]


def test_the_private_authoritys_certificate_is_due_at_two_thirds_of_its_life(
    tmp_path: Path,
) -> None:
    private = 'private_ca = true\nnames = ["127.0.0.1"]'
    certificates, made = began(tmp_path, private)
    (leaf,) = certificates.present.chains
    assert leaf.names == ("mail.example.org", "127.0.0.1")
    assert certificates.look(made, NOW + 19 * DAY) is None
    assert certificates.look(made, NOW + 20 * DAY) is not None


def test_a_real_one_takes_the_place_of_the_private_authoritys(tmp_path: Path) -> None:
    certificates, _ = began(tmp_path, "private_ca = true")
    write(tmp_path, chain=False)
    (offer,) = certificates.reload(config(tmp_path, FILES), NOW).offers
    assert offer.source.endswith("chain.pem")


def test_what_was_removed_from_the_configuration_is_no_reason_for_a_temporary_one(
    tmp_path: Path,
) -> None:
    write(tmp_path)
    certificates, _ = began(tmp_path)
    assert certificates.reload(config(tmp_path, ""), NOW) == certificates.present


def kept(number: int, state: CertificateState, leaf: pki.Issued) -> KeptCertificate:
    return KeptCertificate(
        id=number,
        names=NAMES,
        chain_pem=leaf.pem + MIDDLE.pem,
        key_pem=Secret(leaf.key_pem),
        kind="ec",
        authority="test",
        not_before=NOW - DAY,
        not_after=NOW + 60 * DAY,
        state=state,
        made_at=NOW,
    )


def test_what_the_store_has_staged_is_tried_when_it_is_told_of(tmp_path: Path) -> None:
    live = kept(1, CertificateState.LIVE, pki.issue("leaf", MIDDLE, hosts=NAMES))
    staged = kept(2, CertificateState.STAGED, pki.issue("leaf", MIDDLE, hosts=NAMES))
    rows = [live]
    certificates = Certificates(lambda _: tuple(rows))
    made = config(tmp_path, "")
    certificates.start(made, NOW)
    assert [offer.kept for offer in certificates.present.offers] == [1]
    rows.insert(0, staged)
    assert certificates.look(made, NOW) is None
    note_staged(tmp_path / "data")
    chosen = certificates.look(made, NOW)
    assert chosen is not None
    assert [offer.kept for offer in chosen.offers] == [2]
    certificates.were_refuted(made, chosen, "imap 993 shows another certificate", NOW)
    assert certificates.look(made, NOW) is None
    assert [offer.kept for offer in certificates.present.offers] == [1]


def test_what_became_of_it_and_was_not_noted_is_found_out_again(tmp_path: Path) -> None:
    """The worker that was told died: the store has it as staged still."""
    live = kept(1, CertificateState.LIVE, pki.issue("leaf", MIDDLE, hosts=NAMES))
    staged = kept(2, CertificateState.STAGED, pki.issue("leaf", MIDDLE, hosts=NAMES))
    rows = [staged, live]
    certificates = Certificates(lambda _: tuple(rows))
    made = config(tmp_path, "")
    certificates.start(made, NOW)
    chosen = certificates.look(made, NOW)
    assert chosen is not None
    certificates.were_refuted(made, chosen, "imap 993 shows another certificate", NOW)
    assert certificates.look(made, NOW) is None
    note_staged(tmp_path / "data")
    again = certificates.look(made, NOW)
    assert again is not None
    assert again.chains[0].chain_pem == staged.chain_pem
    certificates.were_proven(made, again, Proof(), NOW)
    assert certificates.look(made, NOW) is None
    note_staged(tmp_path / "data")
    assert certificates.look(made, NOW) == again
    rows[:] = [replace(staged, state=CertificateState.LIVE)]
    note_staged(tmp_path / "data")
    assert certificates.look(made, NOW) is None


def test_an_ordered_certificate_that_is_not_there_yet_has_a_temporary_one_beside_files(
    tmp_path: Path,
) -> None:
    write(tmp_path, hosts=("other.example.org",))
    rows: list[KeptCertificate] = []
    made = config(
        tmp_path, '[[tls.certificates]]\ncertificate = "chain.pem"\nkey = "chain.key"\n[acme]'
    )
    certificates = Certificates(lambda _: tuple(rows))
    certificates.start(made, NOW)
    assert [offer.temporary for offer in certificates.present.offers] == [True, False]
    assert certificates.look(made, NOW) is None
    rows.append(kept(1, CertificateState.STAGED, pki.issue("leaf", MIDDLE, hosts=NAMES)))
    note_staged(tmp_path / "data")
    chosen = certificates.look(made, NOW)
    assert chosen is not None
    assert [offer.kept for offer in chosen.offers] == [1, 0]


def test_another_authoritys_certificate_takes_the_same_place(tmp_path: Path) -> None:
    live = kept(1, CertificateState.LIVE, pki.issue("leaf", MIDDLE, hosts=NAMES))
    other = kept(2, CertificateState.STAGED, pki.issue("leaf", MIDDLE, hosts=NAMES))
    rows = (replace(other, authority="another"), live)
    certificates = Certificates(lambda _: rows)
    made = config(tmp_path, "")
    certificates.start(made, NOW)
    chosen = certificates.look(made, NOW)
    assert chosen is not None
    assert [offer.kept for offer in chosen.offers] == [2]


def test_a_start_serves_what_was_proven_before_what_was_not(tmp_path: Path) -> None:
    live = kept(1, CertificateState.LIVE, pki.issue("leaf", MIDDLE, hosts=NAMES))
    staged = kept(2, CertificateState.STAGED, pki.issue("leaf", MIDDLE, hosts=NAMES))
    certificates = Certificates(lambda _: (staged, live))
    made = config(tmp_path, "")
    assert [offer.kept for offer in certificates.start(made, NOW).offers] == [1]
    chosen = certificates.look(made, NOW)
    assert chosen is not None
    assert [offer.kept for offer in chosen.offers] == [2]


def test_the_state_says_since_when_and_proven_where(tmp_path: Path) -> None:
    write(tmp_path)
    certificates, made = began(tmp_path)
    proof = Proof(proven=("imap 993 at ::1",), unproven=("smtp 25 at ::1: no answer in time",))
    certificates.were_proven(made, certificates.present, proof, NOW + 5)
    state = read_state(tmp_path / "data")
    assert state is not None
    (served,) = state.served
    assert served.names == NAMES
    assert served.since == datetime.fromtimestamp(NOW, UTC)
    assert served.proven_at == datetime.fromtimestamp(NOW + 5, UTC)
    assert served.proven_on == ("imap 993 at ::1",)
    assert served.unproven == ("smtp 25 at ::1: no answer in time",)
    assert b"PRIVATE" not in (tmp_path / "data" / "certificates.json").read_bytes()


def test_a_state_that_is_damaged_or_missing_is_none(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    (tmp_path / "certificates.json").write_text('{"served": 5}')
    assert read_state(tmp_path) is None


def test_the_authority_stays_the_same_and_its_key_is_private(tmp_path: Path) -> None:
    private = config(tmp_path, "private_ca = true")
    file = ensure_ca(private)
    before = file.read_bytes()
    assert ensure_ca(private, copy_to=tmp_path / "copy.pem").read_bytes() == before
    keys = [p for p in file.parent.iterdir() if b"PRIVATE KEY" in p.read_bytes()]
    assert [key.stat().st_mode & 0o777 for key in keys] == [0o600]
