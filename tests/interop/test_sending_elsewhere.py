"""swaks and msmtp send to other domains: what waits in the queue is signed, and dkimpy agrees."""

import asyncio
from pathlib import Path
from urllib.parse import quote

import dkim
import pytest

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.services.provision.signing_keys import published
from mailclad.store.model import Alias
from mailclad.store.queue import Notify, Queued, QueueFilter, Return
from tests.interop.demo import Demo, message, run
from tests.interop.test_senders import SWAKS_TLS, msmtprc

pytestmark = pytest.mark.slow


def queued(demo: Demo, destination: str) -> tuple[Queued, bytes, dict[str, str]]:
    """The one message for this domain, as it leaves, and the records of our keys."""

    async def look() -> tuple[Queued, bytes, dict[str, str]]:
        store = SqliteStore.open(demo.folder / "data", asyncio.get_running_loop())
        try:
            page = await store.queue_page(QueueFilter(destination=destination))
            (found,) = page.messages
            body = await store.body(found.message.content)
            octets = body.read(found.message.start, body.octets)
            body.close()
            records = [published(key) for key in await store.signing_keys()]
            return found, octets, {each.name: each.value for each in records}
        finally:
            await store.close()

    return asyncio.run(look())


def set_alias(demo: Demo, alias: Alias) -> None:
    async def change() -> None:
        store = SqliteStore.open(demo.folder / "data", asyncio.get_running_loop())
        try:
            await store.set_alias(alias)
        finally:
            await store.close()

    asyncio.run(change())


def check_signatures(octets: bytes, records: dict[str, str]) -> None:
    def txt(name: bytes, timeout: int = 5) -> str | None:
        return records.get(name.decode().rstrip("."))

    verifier = dkim.DKIM(octets)
    assert octets.count(b"DKIM-Signature:") == 2
    assert [verifier.verify(at, dnsfunc=txt) for at in (0, 1)] == [True, True]


@pytest.mark.interop("swaks")
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_swaks_writes_to_somebody_elsewhere(demo: Demo, token: str, tls: str) -> None:
    run(
        "swaks", "--server", "localhost", "--port", str(demo.ports["submission", tls]),
        SWAKS_TLS[tls], "--tls-verify", "--tls-ca-path", demo.ca, "--auth", "PLAIN",
        "--auth-user", demo.ada, "--auth-password", demo.passwords[demo.ada],
        "--from", demo.ada, "--to", f"bob@{token}.example,{demo.grace}",
        "--header", f"Subject: {token}",
    )  # fmt: skip

    found, octets, records = queued(demo, f"{token}.example")
    assert [one.address for one in found.recipients] == [f"bob@{token}.example"]
    assert octets.startswith(b"Received: ")
    check_signatures(octets, records)
    (received,) = demo.received(token)
    assert received.endswith(octets), "Grace has the same, and Return-Path before it"


@pytest.mark.interop("swaks")
@pytest.mark.parametrize("address", ["bob@[127.0.0.1]", "bob@localhost"])
def test_swaks_is_told_that_mail_goes_to_domains(demo: Demo, address: str) -> None:
    refused = run(
        "swaks", "--server", "localhost", "--port", str(demo.ports["submission", "implicit"]),
        "--tls-on-connect", "--auth", "PLAIN", "--auth-user", demo.ada,
        "--auth-password", demo.passwords[demo.ada], "--from", demo.ada, "--to", address,
        ok=False,
    )  # fmt: skip

    assert b"550 5.1.2 Mail is sent to domains" in refused.stdout


@pytest.mark.interop("msmtp")
def test_msmtp_asks_for_notices(demo: Demo, token: str, tmp_path: Path) -> None:
    bob = f"bob@{token}.example"
    letter = message(demo.ada, bob, token, ".dots\n..\nHellö.\n").as_bytes()
    options = ("--dsn-notify=success,failure", "--dsn-return=headers")
    rc = msmtprc(demo, "implicit", "plain", tmp_path)
    run("msmtp", f"--file={rc}", *options, bob, given=letter)

    found, octets, records = queued(demo, f"{token}.example")
    assert found.recipients[0].notify == Notify.SUCCESS | Notify.FAILURE
    assert found.message.ret is Return.HEADERS
    assert b"\n.dots\r\n..\r\n" in octets
    check_signatures(octets, records)


@pytest.mark.interop("swaks")
def test_swaks_writes_to_an_alias_that_leads_elsewhere(demo: Demo, token: str) -> None:
    domain = demo.ada.partition("@")[2]
    set_alias(demo, Alias(f"{token}@{domain}", (f"bob@{token}.example",)))
    to_port_25 = (
        "swaks", "--server", "localhost", "--port", str(demo.ports["smtp", "starttls"]),
        "--tls", "--to",
    )  # fmt: skip
    run(*to_port_25, f"{token}@{domain}", "--from", "carl@elsewhere.example")

    found, octets, _ = queued(demo, f"{token}.example")
    rewritten = found.message.sender
    assert rewritten.startswith("SRS0=")
    assert rewritten.endswith(f"=elsewhere.example=carl@{domain}")
    assert octets.startswith(f"Delivered-To: {token}@{domain}\r\n".encode())

    run(*to_port_25, rewritten, "--from", "<>")
    back, _, _ = queued(demo, "elsewhere.example")
    assert [one.address for one in back.recipients] == ["carl@elsewhere.example"]
    refused = run(*to_port_25, rewritten, "--from", "eve@elsewhere.example", ok=False)
    assert b"550 5.1.1 Nobody has this address here" in refused.stdout


@pytest.mark.interop("s-nail")
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_s_nail_writes_here_and_elsewhere(
    demo: Demo, token: str, tls: str, tmp_path: Path
) -> None:
    scheme = {"implicit": "smtps", "starttls": "smtp"}[tls]
    name, password = (quote(text, "") for text in (demo.ada, demo.passwords[demo.ada]))
    rc = tmp_path / "mailrc"
    rc.write_text(f"""
set v15-compat sendwait smtp-auth=plain smtp-use-starttls
set tls-ca-file={demo.ca} tls-ca-no-defaults tls-verify=strict
set mta={scheme}://{name}:{password}@localhost:{demo.ports["submission", tls]}
set from={demo.ada} hostname=localhost
""")
    rc.chmod(0o600)
    environment = ("env", f"HOME={tmp_path}", f"MAILRC={rc}", "LC_ALL=C.UTF-8")
    command = ("s-nail", "-Sv15-compat", "-:u", "-s", token, f"bob@{token}.example", demo.grace)
    run(*environment, *command, given="Hellö.\n")

    found, octets, records = queued(demo, f"{token}.example")
    assert [one.address for one in found.recipients] == [f"bob@{token}.example"]
    check_signatures(octets, records)
    assert len(demo.received(token)) == 1
