"""Mail between domains, Mailclad beside Postfix, in one run: `make bench-exchange`.

    inbound    signed messages of 4 KB over TLS, 20 a connection, judged and stored:
               Mailclad (SPF, DKIM, DMARC, ARC) beside Postfix with OpenDKIM and Dovecot (DKIM only)
    outbound   messages of 4 KB taken over TLS and handed on to a sink over TLS:
               Mailclad beside Postfix with connection reuse

Comes in: the mail benchmark's folder (``MAILBENCH``), whose Dovecot and Postfix are used.  It
needs root.  Goes out: messages a second, and for each second of the server's own CPU; each
repetition runs all servers one after the other.  DNS is answered from memory by a stub of ours;
OpenDKIM has its key in a file and asks nobody.
"""

import argparse
import base64
import contextlib
import json
import os
import pwd
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dkim
from bench import BENCHMARK, HOME, benchmark
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

ROOT = Path(__file__).parents[1]
PLACE = HOME / "exchange"
SINK_PORT, STUB_PORT, MILTER_PORT = 33_025, 33_053, 33_891
OURS_PORT, POSTFIX_PORT, RELAY_PORT = 26_025, 29_025, 33_125
MESSAGES_MADE = 400
OCTETS = 4096
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """``roots`` are the processes whose trees count."""

    name: str
    port: int
    roots: tuple[int, ...]

    def cpu(self) -> float:
        return sum(cpu_seconds(root) for root in self.roots)


def cpu_seconds(root: int) -> float:
    """Of a process, its descendants, and those of them that have ended."""
    children: dict[int, list[int]] = {}
    spent: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            number = int(entry.name)
            children.setdefault(int(fields[1]), []).append(number)
            spent[number] = sum(int(field) for field in fields[11:15])
    found, tree = [root], []
    while found:
        tree.append(found.pop())
        found += children.get(tree[-1], [])
    return sum(spent.get(number, 0) for number in tree) / TICKS


# --- messages ---


def make_messages(folder: Path) -> str:
    """Signed ones, as a large provider sends them; returns the DKIM record."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number in range(MESSAGES_MADE):
        head = (
            f"From: Bob <bob@sender.test>\r\nTo: somebody@bench.test\r\nSubject: number {number}\r\n"
            f"Date: Mon, 30 Nov 2026 08:00:00 +0000\r\nMessage-ID: <{number}@sender.test>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        ).encode()
        line = b"The quick brown fox jumps over the lazy dog, again and again and again.\r\n"
        message = head + line * ((OCTETS - len(head)) // len(line))
        signed = dkim.sign(
            message, b"s1", b"sender.test", pem, canonicalize=(b"relaxed", b"relaxed")
        )
        (folder / f"{number:04d}.eml").write_bytes(signed + message)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    (PLACE / "public.pem").write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


# --- helpers beside the servers ---


@contextlib.contextmanager
def child(*command: str, ready: bool = True) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            if ready:
                assert running.stdout is not None
                line = running.stdout.readline()
                assert line, f"{command} did not start"
            yield running
        finally:
            running.terminate()


def taken(sink: "subprocess.Popen[str]") -> tuple[int, int]:
    assert sink.stdin is not None
    assert sink.stdout is not None
    sink.stdin.write("\n")
    sink.stdin.flush()
    messages, handshakes = sink.stdout.readline().split()
    return int(messages), int(handshakes)


def pour(port: int, messages: int, folder: Path, *more: str) -> None:
    command = [sys.executable, str(ROOT / "tools" / "bench_smtp.py"), "pour"]
    subprocess.run(
        [*command, str(port), str(messages), str(folder), *more],
        check=True,
        stdout=subprocess.PIPE,
    )


# --- servers ---


@contextlib.contextmanager
def mailclad(dkim_record: str) -> Iterator[Server]:
    zones = {
        "sender.test": {"TXT": ['"v=spf1 ip4:127.0.0.0/8 -all"'], "MX": ["10 mx.sender.test."]},
        "mx.sender.test": {"A": ["127.0.0.1"]},
        "client.sender.test": {"A": ["127.0.0.1"]},
        "s1._domainkey.sender.test": {"TXT": [_strings(dkim_record)]},
        "_dmarc.sender.test": {"TXT": ['"v=DMARC1; p=reject"']},
        "1.0.0.127.in-addr.arpa": {"PTR": ["client.sender.test."]},
    }
    (PLACE / "zones.json").write_text(json.dumps(zones))
    extra = PLACE / "extra.toml"
    extra.write_text(
        f'[dns]\nservers = ["127.0.0.1:{STUB_PORT}"]\n'
        + (ROOT / "tools" / "bench_exchange.toml").read_text().replace("SINK_PORT", str(SINK_PORT))
    )
    mail = HOME / "mailclad-exchange"
    shutil.rmtree(mail, ignore_errors=True)
    stub = [str(ROOT / "tools" / "bench_dns.py"), str(STUB_PORT), str(PLACE / "zones.json")]
    target = [str(ROOT / "tools" / "bench_target.py"), str(HOME), str(mail), "--extra", str(extra)]
    with child(*stub), child(*target, ready=False) as running:
        assert running.stdout is not None
        json.loads(running.stdout.readline())
        yield Server("mailclad", OURS_PORT, (running.pid,))


def _strings(record: str) -> str:
    return " ".join(f'"{record[at : at + 255]}"' for at in range(0, len(record), 255))


@contextlib.contextmanager
def postfix_and_dovecot() -> Iterator[Server]:
    """The benchmark's own, with OpenDKIM as a milter."""
    benchmark("./run", "peers", "tuned")
    conf, key_file = PLACE / "opendkim.conf", PLACE / "public.txt"
    pem = (PLACE / "public.pem").read_text()
    body = "".join(line for line in pem.splitlines() if not line.startswith("-"))
    key_file.write_text(f"s1._domainkey.sender.test v=DKIM1; k=rsa; p={body}\n")
    conf.write_text(
        f"Mode v\nSocket inet:{MILTER_PORT}@127.0.0.1\nTestPublicKeys {key_file}\n"
        "Syslog no\nAlwaysAddARHeader yes\nBackground no\nUserID opendkim\n"
        "InternalHosts 192.0.2.1\nExternalIgnoreList 192.0.2.1\nPidFile /run/bench-opendkim.pid\n"
    )
    base = HOME / "dovecot-tuned"
    etc = str(base / "postfix" / "etc")
    milter = subprocess.Popen(["/usr/sbin/opendkim", "-f", "-x", str(conf)])
    try:
        _postconf(etc, f"smtpd_milters=inet:127.0.0.1:{MILTER_PORT}")
        roots = tuple(
            int((base / place).read_text())
            for place in ("run/master.pid", "postfix/spool/pid/master.pid")
        )
        yield Server("postfix+opendkim+dovecot", POSTFIX_PORT, (*roots, milter.pid))
    finally:
        _postconf(etc, "smtpd_milters=")
        milter.terminate()
        milter.wait()
        benchmark("./run", "peers", "--stop")


def _postconf(etc: str, setting: str) -> None:
    subprocess.run(["postconf", "-c", etc, "-e", setting], check=True)
    subprocess.run(["postfix", "-c", etc, "reload"], check=True, capture_output=True)
    time.sleep(1)  # Postfix says nothing when it has reloaded


_RELAY_CF = """\
compatibility_level = 3.6
queue_directory = {place}/spool
data_directory = {place}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = relay.bench.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
relayhost = [127.0.0.1]:{sink}
smtp_tls_security_level = encrypt
smtp_tls_connection_reuse = yes
smtp_tls_session_cache_database = btree:${{data_directory}}/smtp_scache
smtpd_tls_cert_file = {tls}/chain.pem
smtpd_tls_key_file = {tls}/server.key
smtpd_tls_security_level = may
maillog_file_prefixes = {place}
maillog_file = {place}/log
"""


@contextlib.contextmanager
def postfix_relay() -> Iterator[Server]:
    place = HOME / "exchange-postfix"
    shutil.rmtree(place, ignore_errors=True)
    for name in ("etc", "spool", "data"):
        (place / name).mkdir(parents=True)
    user = pwd.getpwnam("postfix")
    os.chown(place / "data", user.pw_uid, user.pw_gid)
    main = _RELAY_CF.format(place=place, sink=SINK_PORT, tls=HOME / "tls")
    (place / "etc" / "main.cf").write_text(main)
    (place / "etc" / "master.cf").write_text(_master_cf())
    command = ["postfix", "-c", str(place / "etc")]
    subprocess.run([*command, "start"], check=True, capture_output=True)
    try:
        root = int((place / "spool" / "pid" / "master.pid").read_text())
        yield Server("postfix", RELAY_PORT, (root,))
    finally:
        subprocess.run([*command, "stop"], check=True, capture_output=True)


def _master_cf() -> str:
    """Debian's own, on our port and without chroot."""
    lines = []
    for line in Path("/usr/share/postfix/master.cf.dist").read_text().splitlines():
        words = line.split()
        if line.startswith(("#", " ")) or not words:
            continue
        if words[:2] == ["smtp", "inet"]:
            words[0] = f"127.0.0.1:{RELAY_PORT}"
        words[4] = "n"
        lines.append(" ".join(words))
    if not any(line.startswith("postlog ") for line in lines):
        lines.append("postlog unix-dgram n - n - 1 postlogd")
    lines.append("tlsproxy unix - - n - 0 tlsproxy")  # what connection reuse under TLS needs
    return "\n".join(lines) + "\n"


# --- runs ---


@dataclass(frozen=True)
class Figure:
    each_second: float
    each_cpu_second: float


def measured(server: Server, messages: int, work: Callable[[], None]) -> Figure:
    cpu, began = server.cpu(), time.monotonic()
    work()
    seconds, spent = time.monotonic() - began, server.cpu() - cpu
    return Figure(messages / seconds, messages / spent)


def settle(server: Server) -> None:
    """Wait until the server is idle: what it still does belongs to the run before."""
    before = server.cpu()
    while True:
        time.sleep(0.5)
        now = server.cpu()
        if now - before < 0.02:
            return
        before = now


def inbound(messages: int, rounds: int) -> dict[str, list[Figure]]:
    record = make_messages(PLACE / "messages")
    figures: dict[str, list[Figure]] = {}
    for number in range(rounds + 1):
        for start in (lambda: mailclad(record), postfix_and_dovecot):
            with start() as server:
                pour(server.port, 200, PLACE / "messages")
                settle(server)
                figure = measured(server, messages, lambda: _pour_and_settle(server, messages))
                if number:  # the first warms the disk's cache
                    figures.setdefault(server.name, []).append(figure)
                    print(server.name, figure, flush=True)
    return figures


def _pour_and_settle(server: Server, messages: int) -> None:
    """Postfix delivers behind its yes: what it still has to do counts."""
    pour(server.port, messages, PLACE / "messages")
    settle(server)


def outbound(messages: int, rounds: int) -> dict[str, list[Figure]]:
    record = make_messages(PLACE / "messages")
    figures: dict[str, list[Figure]] = {}
    tls = HOME / "tls"
    sink_command = [str(ROOT / "tools" / "bench_smtp.py"), "sink", str(SINK_PORT)]
    for number in range(rounds + 1):
        for start in (lambda: mailclad(record), postfix_relay):
            with child(*sink_command, str(tls / "chain.pem"), str(tls / "server.key")) as sink:
                with start() as server:
                    _pass_on(server, sink, 200)
                    settle(server)
                    figure = measured(server, messages, lambda: _pass_on(server, sink, messages))
                    if number:
                        figures.setdefault(server.name, []).append(figure)
                        print(server.name, figure, taken(sink), flush=True)
    return figures


def _pass_on(server: Server, sink: "subprocess.Popen[str]", messages: int) -> None:
    want = taken(sink)[0] + messages
    to = "u%@sink.test" if server.name == "postfix" else "out%@bench.test"
    pour(server.port, messages, PLACE / "messages", "--recipient", to, "--accounts", "1")
    until = time.monotonic() + 300
    while taken(sink)[0] < want:
        if time.monotonic() > until:
            sys.exit(f"{server.name} handed on {taken(sink)[0] - want + messages} of {messages}")
        time.sleep(0.01)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("inbound", "outbound"), nargs="*")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if not (BENCHMARK / "run").exists():
        sys.exit(f"No benchmark at {BENCHMARK}: name its folder in MAILBENCH.")
    PLACE.mkdir(parents=True, exist_ok=True)
    for what, run in (("inbound", inbound), ("outbound", outbound)):
        if given.what and what not in given.what:
            continue
        print(f"{what}: {given.messages} messages, median of {given.rounds}")
        for name, figures in run(given.messages, given.rounds).items():
            each = statistics.median(figure.each_second for figure in figures)
            cpu = statistics.median(figure.each_cpu_second for figure in figures)
            print(f"  {name:28} {each:8.0f} /s   {cpu:8.0f} /CPU-s")


if __name__ == "__main__":
    main()
