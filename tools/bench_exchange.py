"""Mail between domains, Mailclad beside Postfix, in one run: `make bench-exchange`.

    inbound    signed messages of 4 KB over TLS, judged and stored:
               Mailclad (SPF, DKIM, DMARC, ARC) beside Postfix with OpenDKIM (DKIM only)
               and Dovecot
    outbound   messages of 4 KB taken over TLS and handed on to a sink over TLS:
               Mailclad, which signs them, beside Postfix with connection reuse, which does not,
               and beside the same Postfix with OpenDKIM, which does

    drain      the same messages, queued while the sink was down: from the moment when all are to
               be tried again until the sink has them

32 clients send at once, 20 messages a connection.
Comes in: the mail benchmark's folder (``MAILBENCH``), whose Dovecot and Postfix are used.  It
needs root.  Goes out: messages a second, and for each second of the server's own CPU.  All
servers of a run stand beside each other, and each repetition asks one after the other.  DNS is
answered from memory by a stub of ours; OpenDKIM has its keys in files and asks nobody.
"""

import argparse
import base64
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import dkim
from bench import BENCHMARK, HOME
from bench_peers import (
    OUR_SUBMISSION_PORT,
    PLACE,
    ROOT,
    SINK_PORT,
    Server,
    child,
    mailclad,
    postfix_and_dovecot,
    postfix_relay,
    postfix_signing_relay,
)
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

MESSAGES_MADE = 400
OCTETS = 4096
WARMING = 200
"""Messages before any is counted: connections, caches, lazy imports."""

FOREIGN, OWN = PLACE / "foreign", PLACE / "own"
OUR_SENDER = "u00000@bench.test"
OUR_LOGIN = f"{OUR_SENDER}:benchplainsecret"
SINK_SECONDS = 300.0


# --- messages ---


def make_messages() -> str:
    """Signed ones of a stranger, unsigned ones of our own; returns the stranger's DKIM record."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (PLACE / "private.pem").write_bytes(private)
    shutil.chown(PLACE / "private.pem", "opendkim")
    (PLACE / "public.pem").write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    for folder in (FOREIGN, OWN):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for number in range(MESSAGES_MADE):
        name = f"{number:04d}.eml"
        (OWN / name).write_bytes(_message(number, OUR_SENDER, "somebody@sink.test"))
        foreign = _message(number, "bob@sender.test", "somebody@bench.test")
        signature = dkim.sign(
            foreign, b"s1", b"sender.test", private, canonicalize=(b"relaxed", b"relaxed")
        )
        (FOREIGN / name).write_bytes(signature + foreign)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


def _message(number: int, sender: str, to: str) -> bytes:
    head = (
        f"From: Bob <{sender}>\r\nTo: {to}\r\nSubject: number {number}\r\n"
        f"Date: Mon, 30 Nov 2026 08:00:00 +0000\r\nMessage-ID: <{number}.{sender}>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    ).encode()
    line = b"The quick brown fox jumps over the lazy dog, again and again and again.\r\n"
    return head + line * ((OCTETS - len(head)) // len(line))


def make_zones(dkim_record: str) -> dict[str, dict[str, list[str]]]:
    strings = " ".join(f'"{dkim_record[at : at + 255]}"' for at in range(0, len(dkim_record), 255))
    return {
        "sender.test": {"TXT": ['"v=spf1 ip4:127.0.0.0/8 -all"'], "MX": ["10 mx.sender.test."]},
        "mx.sender.test": {"A": ["127.0.0.1"]},
        "client.sender.test": {"A": ["127.0.0.1"]},
        "s1._domainkey.sender.test": {"TXT": [strings]},
        "_dmarc.sender.test": {"TXT": ['"v=DMARC1; p=reject"']},
        "1.0.0.127.in-addr.arpa": {"PTR": ["client.sender.test."]},
    }


# --- runs ---


@dataclass(frozen=True)
class Figure:
    each_second: float
    each_cpu_second: float

    def __str__(self) -> str:
        return f"{self.each_second:8.0f} /s   {self.each_cpu_second:8.0f} /CPU-s"


Work = Callable[[Server, int], None]
"""So many messages through a server, until it has done with them."""


def inbound(messages: int, rounds: int) -> dict[str, list[Figure]]:
    zones = make_zones(make_messages())
    with mailclad(zones) as ours, postfix_and_dovecot() as theirs:
        return _compare((ours, theirs), _pour_in, messages, rounds)


def outbound(messages: int, rounds: int) -> dict[str, list[Figure]]:
    zones = make_zones(make_messages())
    with (
        _sink() as sink,
        mailclad(zones) as stranger,
        postfix_relay() as relay,
        postfix_signing_relay() as signing,
    ):
        ours = replace(stranger, port=OUR_SUBMISSION_PORT, login=OUR_LOGIN)

        def pass_on(server: Server, messages: int) -> None:
            _pass_on(server, sink, messages)

        return _compare((ours, relay, signing), pass_on, messages, rounds)


def drain(messages: int, rounds: int) -> dict[str, list[Figure]]:
    zones = make_zones(make_messages())
    with mailclad(zones) as stranger, postfix_relay() as relay:
        ours = replace(stranger, port=OUR_SUBMISSION_PORT, login=OUR_LOGIN)
        with _sink() as sink:
            for server in (ours, relay):
                _pass_on(server, sink, WARMING)
        figures: dict[str, list[Figure]] = {server.name: [] for server in (ours, relay)}
        for _ in range(rounds):
            for server in (ours, relay):
                _pour_out(server, messages)
                _settle(server)
                figure = _drained(server, messages)
                figures[server.name].append(figure)
                print(f"    {server.name:28} {figure}", flush=True)
        return figures


def _drained(server: Server, messages: int) -> Figure:
    with _sink() as sink:
        cpu, began = server.cpu(), time.monotonic()
        subprocess.run(server.flush, check=True, stdout=subprocess.PIPE)
        _wait_for(server, sink, messages)
        seconds = time.monotonic() - began
        _settle(server)
        return Figure(messages / seconds, messages / (server.cpu() - cpu))


def _sink() -> AbstractContextManager["subprocess.Popen[str]"]:
    tls = [str(HOME / "tls" / name) for name in ("chain.pem", "server.key")]
    return child(str(ROOT / "tools" / "bench_smtp.py"), "sink", str(SINK_PORT), *tls)


def _compare(
    servers: Sequence[Server], work: Work, messages: int, rounds: int
) -> dict[str, list[Figure]]:
    for server in servers:
        work(server, WARMING)
        _settle(server)
    figures: dict[str, list[Figure]] = {server.name: [] for server in servers}
    for _ in range(rounds):
        for server in servers:
            cpu, began = server.cpu(), time.monotonic()
            work(server, messages)
            seconds = time.monotonic() - began
            _settle(server)  # what is still to be done belongs to the run
            figure = Figure(messages / seconds, messages / (server.cpu() - cpu))
            figures[server.name].append(figure)
            print(f"    {server.name:28} {figure}", flush=True)
    return figures


def _settle(server: Server) -> None:
    """Wait until the server is idle."""
    before = server.cpu()
    while True:
        time.sleep(0.5)
        now = server.cpu()
        if now - before < 0.03:
            return
        before = now


def _pour_in(server: Server, messages: int) -> None:
    """Postfix delivers to Dovecot behind its yes: only its CPU time is whole, not its time."""
    _pour(server, messages, FOREIGN)


def _pass_on(server: Server, sink: "subprocess.Popen[str]", messages: int) -> None:
    want = _taken(sink)[0] + messages
    _pour_out(server, messages)
    _wait_for(server, sink, want)


def _pour_out(server: Server, messages: int) -> None:
    _pour(server, messages, OWN, "--sender", OUR_SENDER, "--recipient", "u%@sink.test")


def _wait_for(server: Server, sink: "subprocess.Popen[str]", want: int) -> None:
    until = time.monotonic() + SINK_SECONDS
    while (found := _taken(sink)[0]) < want:
        if time.monotonic() > until:
            sys.exit(f"{server.name} has not handed on {want - found} messages")
        time.sleep(0.01)


def _taken(sink: "subprocess.Popen[str]") -> tuple[int, int]:
    """Messages and handshakes so far."""
    assert sink.stdin is not None
    assert sink.stdout is not None
    sink.stdin.write("\n")
    sink.stdin.flush()
    messages, handshakes = sink.stdout.readline().split()
    return int(messages), int(handshakes)


def _pour(server: Server, messages: int, folder: Path, *more: str) -> None:
    command = [sys.executable, str(ROOT / "tools" / "bench_smtp.py"), "pour"]
    arguments = [str(server.port), str(messages), str(folder), *more]
    if server.login:
        arguments += ["--login", server.login]
    subprocess.run([*command, *arguments], check=True, stdout=subprocess.PIPE)


RUNS = {"inbound": inbound, "outbound": outbound, "drain": drain}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="*", help="inbound, outbound, drain; else all")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    if not (BENCHMARK / "run").exists():
        sys.exit(f"No benchmark at {BENCHMARK}: name its folder in MAILBENCH.")
    PLACE.mkdir(parents=True, exist_ok=True)
    for what in given.what or RUNS:
        print(f"{what}: {given.messages} messages, median of {given.rounds}")
        for name, figures in RUNS[what](given.messages, given.rounds).items():
            each = statistics.median(figure.each_second for figure in figures)
            cpu = statistics.median(figure.each_cpu_second for figure in figures)
            print(f"  {name:30} {Figure(each, cpu)}")


if __name__ == "__main__":
    main()
