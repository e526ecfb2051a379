"""``mailclad cert`` as people and programs use it, on certificates that are kept already."""

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mailclad.app.certificate_list import fingerprint
from mailclad.cli.commands import mailclad
from mailclad.cli.trouble import EXIT_FOUND_PROBLEMS, EXIT_REFUSED
from mailclad.cli.words import WIDTH
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.store.certificates import CertificateState, KeptCertificate
from mailclad.store.renewals import Attempt
from tests.certificates import Made, make
from tests.cli.running import Cli

HOST = "mail.example.org"
OTHER = "mta-sts.example.org"


@pytest.fixture
def acme(tmp_path: Path) -> Cli:
    made = Cli(tmp_path)
    configure(made, "[acme]\n")
    return made


def configure(cli: Cli, more: str) -> None:
    """DNS is asked of nobody: what needs it says so at once."""
    cli.file.write_text(
        f'[server]\nhostname = "{HOST}"\ndata = "data"\n{more}[dns]\nservers = ["127.0.0.1:1"]\n'
        '[[listen]]\nservice = "imap"\ntls = "implicit"\nport = 993\n'
    )


def key_of(made: Made) -> bytes:
    return made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def keep(cli: Cli, made: Made, state: CertificateState = CertificateState.LIVE) -> int:
    loaded = made.served()
    certificate = KeptCertificate(
        id=0,
        names=(HOST, OTHER),
        chain_pem=loaded.chain_pem,
        key_pem=loaded.key_pem,
        kind="ec",
        authority="letsencrypt",
        not_before=int(made.certificate.not_valid_before_utc.timestamp()),
        not_after=int(made.certificate.not_valid_after_utc.timestamp()),
        state=CertificateState.STAGED,
        made_at=1,
    )

    async def act(store: SqliteStore) -> int:
        number = await store.stage_certificate(certificate)
        await store.settle_certificate(number, state, "proven on every port")
        names = (HOST, OTHER)
        left_out = {"autoconfig.example.org": "port 80 is closed"}
        told = Attempt(
            1, 0, "ec", "letsencrypt", names, issued=True, told="issued", failed=left_out
        )
        await store.note_attempt(told)
        return number

    return cli.on_store(act)


def a_leaf(days: int = 60) -> Made:
    return make("leaf", [HOST, OTHER], make("authority", authority=True), days=days)


def test_nothing_is_told_with_what_to_do(acme: Cli) -> None:
    assert "mailclad cert request" in acme("cert", "list")
    configure(acme, "")
    assert "write [acme] into the configuration" in acme("cert", "list")
    assert "has no [acme]" in acme("cert", "request", status=EXIT_REFUSED)


def test_the_list_says_how_much_life_is_left_and_what_comes_next(acme: Cli) -> None:
    made = a_leaf()
    keep(acme, made)
    said = acme("cert", "list")
    assert f"{HOST} and 1 more name" in said
    assert "all of its life left" in said
    assert "next order in" in said
    assert "two thirds of its life are over then" in said
    assert "! left out: autoconfig.example.org: port 80 is closed" in said
    assert max(map(len, said.splitlines())) <= 100

    (one,) = acme.json("cert", "list")["certificates"]
    assert one["names"] == [HOST, OTHER]
    assert one["fingerprint"] == fingerprint(made.pem)
    assert one["state"] == "live"
    assert one["left"] > 0.9
    assert one["next_order"]["at"] > one["not_before"]


def test_what_was_used_before_is_shown_on_demand(acme: Cli) -> None:
    keep(acme, a_leaf())
    keep(acme, a_leaf())
    assert acme("cert", "list").count(HOST) == 1
    said = acme("cert", "list", "--all")
    assert said.count(f"{HOST} and 1") == 2
    assert "another took its place" in said


def test_one_in_full(acme: Cli) -> None:
    made = a_leaf()
    number = keep(acme, made)
    said = acme("cert", "show", OTHER)
    assert f"name         {OTHER}" in said
    assert f"TLSA         3 1 1 {made.key_digest}" in said
    pem = acme("cert", "show", str(number), "--pem")
    assert len(x509.load_pem_x509_certificates(pem.encode())) == 2
    assert "cert list --all" in acme("cert", "show", "far.example", status=EXIT_REFUSED)


@pytest.mark.slow
def test_a_pair_of_files_is_installed(acme: Cli) -> None:
    made = a_leaf()
    (acme.folder / "c.pem").write_bytes(b"".join([made.pem, *(one.pem for one in made.above)]))
    (acme.folder / "k.pem").write_bytes(key_of(made))
    (acme.folder / "k.pem").chmod(0o600)
    files = (str(acme.folder / "c.pem"), str(acme.folder / "k.pem"))
    said = acme("cert", "install", *files)
    assert "kept as number 1" in said
    assert "mailclad serve" in said
    (one,) = acme.json("cert", "list")["certificates"]
    assert (one["source"], one["state"]) == ("installed", "staged")

    configure(acme, "[tls]\nprivate_ca = true\n")
    assert "tls.private_ca" in acme("cert", "install", *files, status=EXIT_REFUSED)


def test_what_cannot_be_used_is_not_installed(acme: Cli) -> None:
    made, other = a_leaf(), make("leaf", ["far.example"])
    (acme.folder / "c.pem").write_bytes(other.pem)
    (acme.folder / "k.pem").write_bytes(key_of(other))
    (acme.folder / "wrong.pem").write_bytes(key_of(made))
    files = (str(acme.folder / "c.pem"), str(acme.folder / "k.pem"))
    assert "not for this server's name" in acme("cert", "install", *files, status=EXIT_REFUSED)
    wrong = (files[0], str(acme.folder / "wrong.pem"))
    assert "is not the key of" in acme("cert", "install", *wrong, status=EXIT_REFUSED)
    assert acme.json("cert", "list")["certificates"] == []


def test_keys_are_exported_on_demand_for_the_owners_eyes_only(acme: Cli) -> None:
    made = a_leaf()
    keep(acme, made)
    before = os.umask(0)
    try:
        acme("cert", "export", str(acme.folder))
        assert not (acme.folder / "privkey.pem").exists()
        acme("cert", "export", "--key", str(acme.folder))
        acme("cert", "export", "--key", str(acme.folder / "both.pem"))
    finally:
        os.umask(before)
    assert (acme.folder / "fullchain.pem").read_bytes().startswith(made.pem)
    assert (acme.folder / "privkey.pem").read_bytes() == key_of(made)
    for name in ("privkey.pem", "both.pem"):
        assert stat.S_IMODE((acme.folder / name).stat().st_mode) == 0o600
    said = acme("cert", "export", "--certificate", "far.example", str(acme.folder), status=1)
    assert "No certificate for “far.example”" in said


@pytest.mark.slow
def test_the_calendar_has_what_ends(acme: Cli) -> None:
    keep(acme, a_leaf())
    acme("domain", "add", "example.org")
    acme("cert", "calendar", str(acme.folder / "ends.ics"))
    text = (acme.folder / "ends.ics").read_bytes().decode()
    assert f"SUMMARY:The certificate of {HOST} ends" in text
    assert text.count("BEGIN:VEVENT") == 3
    assert "DKIM key" in text


def test_without_dns_nothing_is_ordered_and_it_is_said(acme: Cli) -> None:
    said = acme("cert", "request", status=EXIT_REFUSED)
    assert "Nothing was ordered" in said
    assert HOST in said


@pytest.mark.slow
def test_names_are_tried_without_an_authority(acme: Cli) -> None:
    said = acme("cert", "test", status=EXIT_FOUND_PROBLEMS)
    assert "could not be looked up" in said
    configure(acme, '[acme]\n[acme.dns]\ncommand = ["/bin/true"]\n')
    found = acme.run("cert", "test", "--json")
    assert found.exit_code == EXIT_FOUND_PROBLEMS
    first = json.loads(found.output)["names"][0]
    assert first["name"] == HOST
    assert f"_acme-challenge.{HOST}" in first["ways"]["dns-01"]


def test_a_file_of_hooks_that_cannot_be_used_is_told(acme: Cli) -> None:
    (acme.folder / "hooks.py").write_text("nothing = 1\n")
    configure(acme, '[acme]\n[hooks]\nmodules = ["hooks.py"]\n')
    said = acme("cert", "request", status=EXIT_REFUSED)
    assert "hooks.py: has no hooks." in said


@pytest.mark.parametrize("words", [("calendar",), ("export", "--key")])
def test_a_file_that_cannot_be_written_is_told(acme: Cli, words: tuple[str, ...]) -> None:
    keep(acme, make(HOST, [HOST]))
    target = acme.folder / "none" / "file"
    said = acme("cert", *words, str(target), status=EXIT_REFUSED)
    assert f"{target} cannot be written: No such file or directory" in said


def test_a_pair_is_not_kept_twice(acme: Cli) -> None:
    made = make(HOST, [HOST])
    chain, key = acme.folder / "chain.pem", acme.folder / "key.pem"
    chain.write_bytes(made.pem)
    key.write_bytes(key_of(made))
    acme("cert", "install", str(chain), str(key))
    assert "from files, by cert install" in acme("cert", "list")
    said = acme("cert", "install", str(chain), str(key), status=EXIT_REFUSED)
    assert "It is kept already, as number 1" in said
    assert len(acme.json("cert", "list")["certificates"]) == 1


def test_why_no_order_succeeded_is_told_beside_a_temporary_certificate(acme: Cli) -> None:
    async def act(store: SqliteStore) -> None:
        await store.note_attempt(
            Attempt(
                at=1,
                series=0,
                kind="ec",
                authority="x",
                names=(HOST,),
                issued=False,
                told="port 80",
                not_before=2,
            )
        )

    acme.on_store(act)
    said = acme("cert", "list")
    assert "The last order, on 1970-01-01, failed: port 80. Not before 19" in said
    assert "mailclad cert test" in said


def test_the_list_is_readable_at_80_columns(acme: Cli) -> None:
    keep(acme, make(HOST, [HOST]))
    assert max(map(len, acme("cert", "list").splitlines())) <= WIDTH


def test_help_of_each_command_is_whole() -> None:
    output = CliRunner().invoke(mailclad, ["cert", "--help"]).output
    assert "..." not in output.partition("Commands:")[2]
