"""Postfix, Exim and OpenSMTPD as neighbours: each takes mail for a domain, and sends on the rest.

Each runs as root's child on a loopback port with a configuration of its own below a temporary
directory (OpenSMTPD's queue is where the program has it: /var/spool/smtpd).  Mail for
``peer.test`` lies in a Maildir; mail for anybody else goes to ``relay``, a port on 127.0.0.1.
"""

import contextlib
import fcntl
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.certificates import Made, make

DOMAIN = "peer.test"
NAMES = ("postfix", "exim", "opensmtpd")
PROGRAMS = {
    "postfix": "/usr/sbin/postfix",
    "exim": "/usr/local/sbin/exim4",
    "opensmtpd": "/usr/local/sbin/opensmtpd",
}
WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class Pki:
    """What a server shows: PEM files, the chain with the leaf first; the key is RSA."""

    certificate: Path
    key: Path

    @classmethod
    def made(cls, directory: Path, name: str, issuer: Made) -> "Pki":
        key = rsa.generate_private_key(65537, 2048)  # OpenSMTPD 6.8 signs with nothing else
        leaf = make(name, [name], issuer, key=key)
        files = cls(directory / f"{name}.pem", directory / f"{name}.key")
        files.certificate.write_bytes(b"".join([leaf.pem, *(one.pem for one in leaf.above)]))
        files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files


@dataclass(frozen=True)
class Mta:
    name: str
    port: int
    box: Path
    log: Path

    def messages(self, count: int) -> list[bytes]:
        """So many messages, once they have come; fails after half a minute."""
        until = time.monotonic() + WAIT_SECONDS
        while True:
            found = sorted(self.box.glob("**/new/*"))
            if len(found) >= count:
                return [file.read_bytes().replace(b"\r\n", b"\n") for file in found]
            if time.monotonic() > until:
                pytest.fail(f"{self.name} has {len(found)} of {count}:\n{self.told()}")
            time.sleep(0.05)

    def told(self) -> str:
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else "no log"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(name: str, directory: Path, pki: Pki, relay: int) -> Iterator[Mta]:
    """A neighbour, from when it answers until the end."""
    directory.chmod(0o755)
    for above in directory.parents:
        if above != Path("/tmp") and "pytest" in str(above):
            above.chmod(0o755)
    start = {"postfix": _postfix, "exim": _exim, "opensmtpd": _opensmtpd}[name]
    mta = Mta(name, free_port(), directory / "box", directory / "log")
    mta.log.touch()
    mta.log.chmod(0o666)
    with start(mta, directory, pki, relay):
        _wait_for(mta)
        yield mta


def _wait_for(mta: Mta) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", mta.port), 1):
            return
        if time.monotonic() > until:
            pytest.fail(f"{mta.name} does not answer:\n{mta.told()}")
        time.sleep(0.05)


# --- Postfix ---

_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {directory}/spool
data_directory = {directory}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
virtual_mailbox_domains = peer.test
virtual_mailbox_base = {directory}
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
relayhost = [127.0.0.1]:{relay}
smtp_tls_security_level = encrypt
smtpd_tls_cert_file = {pki.certificate}
smtpd_tls_key_file = {pki.key}
smtpd_tls_security_level = may
maillog_file_prefixes = {directory}
maillog_file = {directory}/log
"""


@contextlib.contextmanager
def _postfix(mta: Mta, directory: Path, pki: Pki, relay: int) -> Iterator[None]:
    user = pwd.getpwnam("postfix")
    for name in ("etc", "spool", "data", "box"):
        (directory / name).mkdir()
    os.chown(directory / "data", user.pw_uid, user.pw_gid)
    nobody = pwd.getpwnam("nobody")
    os.chown(directory / "box", nobody.pw_uid, nobody.pw_gid)
    text = _MAIN_CF.format(
        directory=directory, uid=nobody.pw_uid, gid=nobody.pw_gid, relay=relay, pki=pki
    )
    (directory / "etc" / "main.cf").write_text(text)
    (directory / "etc" / "master.cf").write_text(_master_cf(mta.port))
    command = ["/usr/sbin/postfix", "-c", str(directory / "etc")]
    started = subprocess.run([*command, "start"], check=False, capture_output=True, text=True)
    if started.returncode:
        pytest.fail(f"Postfix does not start: {started.stderr}\n{mta.told()}")
    try:
        yield
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
    return "\n".join(lines) + "\n"


# --- Exim ---

_EXIM = """\
exim_path = /usr/local/sbin/exim4
keep_environment =
primary_hostname = exim.test
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
spool_directory = {directory}/spool
log_file_path = {directory}/%slog
exim_user = Debian-exim
exim_group = Debian-exim
tls_advertise_hosts = *
tls_certificate = {pki.certificate}
tls_privatekey = {directory}/key.pem
acl_smtp_rcpt = accept
acl_smtp_data = accept
queue_only = false

begin routers
ours:
  driver = accept
  domains = peer.test
  transport = box
others:
  driver = manualroute
  route_list = * 127.0.0.1::{relay}
  self = send
  transport = remote

begin transports
box:
  driver = appendfile
  directory = {directory}/box
  maildir_format
  create_directory
  return_path_add
  user = Debian-exim
remote:
  driver = smtp
  hosts_require_tls = *
  tls_tempfail_tryclear = false
  tls_verify_hosts =
  tls_try_verify_hosts =
"""


@contextlib.contextmanager
def _exim(mta: Mta, directory: Path, pki: Pki, relay: int) -> Iterator[None]:
    user = pwd.getpwnam("Debian-exim")
    for path in (directory / "spool", directory / "box"):
        path.mkdir()
        os.chown(path, user.pw_uid, user.pw_gid)
    key = directory / "key.pem"
    shutil.copy(pki.key, key)
    os.chown(key, user.pw_uid, user.pw_gid)
    for name in ("mainlog", "rejectlog", "paniclog"):
        (directory / name).symlink_to(mta.log)
    (directory / "conf").write_text(
        _EXIM.format(directory=directory, port=mta.port, pki=pki, relay=relay)
    )
    command = [PROGRAMS["exim"], "-C", str(directory / "conf"), "-bdf", "-q1m"]
    yield from _child(command, mta)


# --- OpenSMTPD ---

_SMTPD = """\
pki ours cert "{pki.certificate}"
pki ours key "{directory}/key.pem"
listen on 127.0.0.1 port {port} tls pki ours hostname opensmtpd.test
table boxes {{ "@" = "nobody" }}
action "box" maildir "{directory}/box" virtual <boxes>
action "out" relay host "smtp+tls://127.0.0.1:{relay}" tls no-verify
match from any for domain "peer.test" action "box"
match from any for any action "out"
"""


@contextlib.contextmanager
def _opensmtpd(mta: Mta, directory: Path, pki: Pki, relay: int) -> Iterator[None]:
    with _alone("opensmtpd"):
        yield from _opensmtpd_alone(mta, directory, pki, relay)


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """Other runs of the tests on this machine wait: the queue is one for all."""
    with (Path(tempfile.gettempdir()) / f"mailclad-tests-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _opensmtpd_alone(mta: Mta, directory: Path, pki: Pki, relay: int) -> Iterator[None]:
    shutil.rmtree("/var/spool/smtpd", ignore_errors=True)
    nobody = pwd.getpwnam("nobody")
    (directory / "box").mkdir()
    os.chown(directory / "box", nobody.pw_uid, nobody.pw_gid)
    key = directory / "key.pem"
    shutil.copy(pki.key, key)
    key.chmod(0o600)
    conf = directory / "conf"
    conf.write_text(_SMTPD.format(directory=directory, port=mta.port, pki=pki, relay=relay))
    yield from _child([PROGRAMS["opensmtpd"], "-d", "-f", str(conf)], mta)


def _child(command: list[str], mta: Mta) -> Iterator[None]:
    with mta.log.open("ab") as log, subprocess.Popen(command, stdout=log, stderr=log) as child:
        try:
            yield
        finally:
            child.terminate()
