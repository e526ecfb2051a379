"""The servers of the exchange benchmark (``bench_exchange.py``), each started and stopped.

Comes in: the mail benchmark's folder and work directory, a key and zones that the messages need.
Goes out: a port and the processes whose CPU time counts.  It needs root.
"""

import contextlib
import json
import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import HOME, benchmark

ROOT = Path(__file__).parents[1]
PLACE = HOME / "exchange"
SINK_PORT, STUB_PORT, VERIFIER_PORT, SIGNER_PORT = 33_025, 33_053, 33_891, 33_892
OURS_PORT, OUR_SUBMISSION_PORT, POSTFIX_PORT = 26_025, 26_587, 29_025
RELAY_PORT, SIGNING_RELAY_PORT = 33_125, 33_126
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """``roots`` are the processes whose trees count; ``login`` is "" where none is asked for.

    ``flush`` is the command that has all that waits tried at once.
    """

    name: str
    port: int
    roots: tuple[int, ...]
    login: str = ""
    flush: tuple[str, ...] = ()

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


@contextlib.contextmanager
def child(*command: str) -> Iterator["subprocess.Popen[str]"]:
    """A Python program that prints a line when it is ready."""
    with subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            assert running.stdout is not None
            line = running.stdout.readline()
            assert line, f"{command} did not start"
            yield running
        finally:
            running.terminate()


# --- Mailclad ---


@contextlib.contextmanager
def mailclad(zones: dict[str, dict[str, list[str]]]) -> Iterator[Server]:
    """Both ways in: from strangers, and from somebody who logs in."""
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
    with child(*stub), child(*target) as running:
        ours = str(Path(sys.executable).with_name("mailclad"))
        flush = (ours, "queue", "retry", "--all", "--config", str(mail / "mailclad.toml"))
        yield Server("mailclad", OURS_PORT, (running.pid,), flush=flush)


# --- Postfix ---


@contextlib.contextmanager
def postfix_and_dovecot() -> Iterator[Server]:
    """The benchmark's own, with an OpenDKIM that verifies."""
    benchmark("./run", "peers", "tuned")
    key_file = PLACE / "public.txt"
    body = "".join(
        line
        for line in (PLACE / "public.pem").read_text().splitlines()
        if not line.startswith("-")
    )
    key_file.write_text(f"s1._domainkey.sender.test v=DKIM1; k=rsa; p={body}\n")
    base = HOME / "dovecot-tuned"
    etc = str(base / "postfix" / "etc")
    lines = f"Mode v\nTestPublicKeys {key_file}\nAlwaysAddARHeader yes\nInternalHosts 192.0.2.1\n"
    try:
        with _opendkim(VERIFIER_PORT, lines) as milter:
            _postconf(etc, f"smtpd_milters=inet:127.0.0.1:{VERIFIER_PORT}")
            roots = tuple(
                int((base / place).read_text())
                for place in ("run/master.pid", "postfix/spool/pid/master.pid")
            )
            yield Server("postfix+opendkim+dovecot", POSTFIX_PORT, (*roots, milter))
            _postconf(etc, "smtpd_milters=")
    finally:
        benchmark("./run", "peers", "--stop")


@contextlib.contextmanager
def _opendkim(port: int, lines: str) -> Iterator[int]:
    """Its process number."""
    conf = PLACE / f"opendkim-{port}.conf"
    conf.write_text(
        f"{lines}Socket inet:{port}@127.0.0.1\nSyslog no\nBackground no\nUserID opendkim\n"
        f"PidFile /run/bench-opendkim-{port}.pid\n"
    )
    milter = subprocess.Popen(["/usr/sbin/opendkim", "-f", "-x", str(conf)])
    try:
        yield milter.pid
    finally:
        milter.terminate()
        milter.wait()


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
    """It does not sign."""
    with _relay("postfix", RELAY_PORT) as server:
        yield server


@contextlib.contextmanager
def postfix_signing_relay() -> Iterator[Server]:
    """With an OpenDKIM that signs with one RSA key of 2,048 bits."""
    lines = (
        f"Mode s\nDomain bench.test\nSelector s1\nKeyFile {PLACE / 'private.pem'}\n"
        "Canonicalization relaxed/relaxed\nRequireSafeKeys no\n"
    )
    with _opendkim(SIGNER_PORT, lines) as milter:
        more = f"smtpd_milters = inet:127.0.0.1:{SIGNER_PORT}\n"
        with _relay("postfix+opendkim", SIGNING_RELAY_PORT, more, (milter,)) as server:
            yield server


@contextlib.contextmanager
def _relay(name: str, port: int, more: str = "", beside: tuple[int, ...] = ()) -> Iterator[Server]:
    place = HOME / f"exchange-{name}"
    shutil.rmtree(place, ignore_errors=True)
    for folder in ("etc", "spool", "data"):
        (place / folder).mkdir(parents=True)
    os.chown(place / "data", pwd.getpwnam("postfix").pw_uid, -1)
    main = _RELAY_CF.format(place=place, sink=SINK_PORT, tls=HOME / "tls")
    (place / "etc" / "main.cf").write_text(main + more)
    (place / "etc" / "master.cf").write_text(_master_cf(port))
    command = ["postfix", "-c", str(place / "etc")]
    subprocess.run([*command, "start"], check=True, capture_output=True)
    try:
        root = int((place / "spool" / "pid" / "master.pid").read_text())
        flush = ("postqueue", "-c", str(place / "etc"), "-f")
        yield Server(name, port, (root, *beside), flush=flush)
    finally:
        subprocess.run([*command, "stop"], check=True, capture_output=True)


def _master_cf(port: int) -> str:
    """Debian's own, on our port and without chroot."""
    lines = []
    for line in Path("/usr/share/postfix/master.cf.dist").read_text().splitlines():
        words = line.split()
        if line.startswith(("#", " ")) or not words:
            continue
        if words[:2] == ["smtp", "inet"]:
            words[0] = f"127.0.0.1:{port}"
        words[4] = "n"
        lines.append(" ".join(words))
    if not any(line.startswith("postlog ") for line in lines):
        lines.append("postlog unix-dgram n - n - 1 postlogd")
    lines.append("tlsproxy unix - - n - 0 tlsproxy")  # what connection reuse under TLS needs
    return "\n".join(lines) + "\n"
