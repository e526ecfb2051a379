"""Postfix, Exim and OpenSMTPD as neighbours: each takes mail for a domain, and sends on the rest.

Each runs as root's child on a loopback port with a configuration of its own below a temporary
directory; OpenSMTPD's queue and control socket are where the program has them, but in a mount
namespace of its own, so that two tests may run it at a time.  Mail for ``peer.test`` lies in a
Maildir, except for ``nobody``, who is refused; mail for anybody else goes to ``relay``, a port on
127.0.0.1.  Exim puts ``later`` off until the file ``open`` is there.  A ``Place`` says more:
another address, more domains, and doors of Postfix with faults of their own.
"""

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
        return cls.written(directory, name, make(name, [name], issuer, key=key))

    @classmethod
    def written(cls, directory: Path, name: str, leaf: Made) -> "Pki":
        files = cls(directory / f"{name}.pem", directory / f"{name}.key")
        files.certificate.write_bytes(b"".join([leaf.pem, *(one.pem for one in leaf.above)]))
        files.key.write_bytes(
            leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        return files


@dataclass(frozen=True)
class Door:
    """One more address of a Postfix, with settings of its own."""

    address: str
    settings: Sequence[str]


@dataclass(frozen=True)
class Place:
    """Where an MTA stands; ``port`` 0 is any that is free.  ``beyond``: where it relays to."""

    address: str = "127.0.0.1"
    port: int = 0
    domains: Sequence[str] = (DOMAIN,)
    beyond: str = "127.0.0.1"
    doors: Sequence[Door] = field(default=())


@dataclass(frozen=True)
class Mta:
    name: str
    port: int
    box: Path
    log: Path
    place: Place = Place()

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

    def restart(self) -> None:
        """Postfix alone: end it as a failing machine does, in the middle of what it is at."""
        master = int((self.log.parent / "spool/pid/master.pid").read_text())
        os.killpg(master, signal.SIGKILL)
        _start_postfix(self.log.parent)

    def told(self) -> str:
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else "no log"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(name: str, pki: Pki, relay: int, place: Place = Place()) -> Iterator[Mta]:
    """A neighbour, from when it answers until the end."""
    # Not pytest's, which is closed to the MTAs' users; they may still be writing at the end.
    with tempfile.TemporaryDirectory(prefix="mta-", ignore_cleanup_errors=True) as made:
        directory = Path(made)
        directory.chmod(0o755)
        own = Pki(directory / "cert.pem", directory / "key.pem")
        own.certificate.write_bytes(pki.certificate.read_bytes())
        own.key.touch(0o600)
        own.key.write_bytes(pki.key.read_bytes())
        with _running(name, directory, own, relay, place) as mta:
            yield mta


@contextlib.contextmanager
def _running(name: str, directory: Path, pki: Pki, relay: int, place: Place) -> Iterator[Mta]:
    start = {"postfix": _postfix, "exim": _exim, "opensmtpd": _opensmtpd}[name]
    port = place.port or free_port()
    mta = Mta(name, port, directory / "box", directory / "log", place)
    mta.log.touch()
    mta.log.chmod(0o666)
    with start(mta, directory, pki, relay):
        _wait_for(mta)
        yield mta


def _wait_for(mta: Mta) -> None:
    until = time.monotonic() + WAIT_SECONDS
    for address in (mta.place.address, *(door.address for door in mta.place.doors)):
        while not _answers(address, mta.port):
            if time.monotonic() > until:
                pytest.fail(f"{mta.name} does not answer:\n{mta.told()}")
            time.sleep(0.05)


def _answers(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
        return True
    return False


# --- Postfix ---

POSTFIX = """\
compatibility_level = 3.6
queue_directory = {directory}/spool
data_directory = {directory}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
smtpd_tls_cert_file = {pki.certificate}
smtpd_tls_key_file = {pki.key}
smtpd_tls_security_level = may
maillog_file_prefixes = {directory}
maillog_file = {directory}/log
"""
"""Of main.cf, what every one has."""
_MAIN_CF = """\
myhostname = postfix.test
mydestination =
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {directory}
virtual_mailbox_maps = regexp:{directory}/boxes
message_size_limit = 50000000
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
relayhost = [{place.beyond}]:{relay}
smtp_tls_security_level = encrypt
"""


@contextlib.contextmanager
def _postfix(mta: Mta, directory: Path, pki: Pki, relay: int) -> Iterator[None]:
    nobody = pwd.getpwnam("nobody")
    (directory / "box").mkdir()
    os.chown(directory / "box", nobody.pw_uid, nobody.pw_gid)
    main = (POSTFIX + _MAIN_CF).format(
        directory=directory,
        place=mta.place,
        domains=", ".join(mta.place.domains),
        uid=nobody.pw_uid,
        gid=nobody.pw_gid,
        relay=relay,
        pki=pki,
    )
    (directory / "boxes").write_text("!/^nobody@/ box/\n")
    doors = [Door(mta.place.address, ()), *mta.place.doors]
    ports = [
        " ".join([f"{door.address}:{mta.port} inet n - n - - smtpd", *door.settings])
        for door in doors
    ]
    with postfix_at(directory, main, ports):
        yield


@contextlib.contextmanager
def postfix_at(directory: Path, main: str, ports: Sequence[str]) -> Iterator[None]:
    """``main`` is main.cf, ``ports`` are the lines of master.cf that listen."""
    user = pwd.getpwnam("postfix")
    for name in ("etc", "spool", "data"):
        (directory / name).mkdir()
    os.chown(directory / "data", user.pw_uid, user.pw_gid)
    (directory / "etc" / "main.cf").write_text(main)
    master = "\n".join([*ports, *_debian_services()])
    (directory / "etc" / "master.cf").write_text(f"{master}\n")
    _start_postfix(directory)
    try:
        yield
    finally:
        command = ["/usr/sbin/postfix", "-c", str(directory / "etc"), "stop"]
        subprocess.run(command, check=True, capture_output=True)


def _start_postfix(directory: Path) -> None:
    """With ``etc`` and ``log`` there."""
    command = ["/usr/sbin/postfix", "-c", str(directory / "etc"), "start"]
    started = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if started.returncode != 0:
        log = (directory / "log").read_text(errors="replace")
        pytest.fail(f"postfix does not start: {started.stdout!r}\n{log}")


def _debian_services() -> list[str]:
    """Of Debian's own master.cf, without chroot and without its port 25."""
    lines = []
    for line in Path("/usr/share/postfix/master.cf.dist").read_text().splitlines():
        words = line.split()
        if line.startswith(("#", " ")) or not words or words[:2] == ["smtp", "inet"]:
            continue
        words[4] = "n"
        lines.append(" ".join(words))
    if not any(line.startswith("postlog ") for line in lines):
        lines.append("postlog unix-dgram n - n - 1 postlogd")
    return lines


# --- Exim ---

_EXIM = """\
exim_path = /usr/local/sbin/exim4
keep_environment =
primary_hostname = exim.test
daemon_smtp_ports = {port}
local_interfaces = {place.address}
spool_directory = {directory}/spool
log_file_path = {directory}/%slog
exim_user = Debian-exim
exim_group = Debian-exim
tls_advertise_hosts = *
tls_certificate = {pki.certificate}
tls_privatekey = {pki.key}
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
queue_only = false

begin acl
rcpt:
  deny
    domains = {domains}
    local_parts = nobody
    message = Unrouteable address
  defer
    local_parts = later
    !condition = ${{if exists{{{directory}/open}}}}
    message = Greylisted, try again
  accept

begin routers
ours:
  driver = accept
  domains = {domains}
  transport = box
others:
  driver = manualroute
  route_list = * {place.beyond}::{relay}
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
    os.chown(pki.key, user.pw_uid, user.pw_gid)
    for name in ("mainlog", "rejectlog", "paniclog"):
        (directory / name).symlink_to(mta.log)
    (directory / "conf").write_text(
        _EXIM.format(
            directory=directory,
            place=mta.place,
            port=mta.port,
            domains=" : ".join(mta.place.domains),
            pki=pki,
            relay=relay,
        )
    )
    command = [PROGRAMS["exim"], "-C", str(directory / "conf"), "-bdf", "-q1m"]
    with child(command, mta.log):
        yield


# --- OpenSMTPD ---

_SMTPD = """\
pki ours cert "{pki.certificate}"
pki ours key "{pki.key}"
listen on {place.address} port {port} tls pki ours hostname opensmtpd.test
table boxes {{ "@" = "nobody" }}
action "box" maildir "{directory}/box" virtual <boxes>
action "out" relay host "smtp+tls://{place.beyond}:{relay}" tls no-verify
match from any for domain {{ {domains} }} rcpt-to regex "^nobody@" reject
match from any for domain {{ {domains} }} action "box"
match from any for any action "out"
"""


@contextlib.contextmanager
def _opensmtpd(mta: Mta, directory: Path, pki: Pki, relay: int) -> Iterator[None]:
    Path("/var/spool/smtpd").mkdir(exist_ok=True)
    nobody = pwd.getpwnam("nobody")
    (directory / "box").mkdir()
    os.chown(directory / "box", nobody.pw_uid, nobody.pw_gid)
    conf = directory / "conf"
    conf.write_text(
        _SMTPD.format(
            directory=directory,
            place=mta.place,
            port=mta.port,
            domains=", ".join([f'"{domain}"' for domain in mta.place.domains]),
            pki=pki,
            relay=relay,
        )
    )
    own = "mount -t tmpfs -o mode=711 own /var/spool/smtpd && mount -t tmpfs own /run"
    run = f"{own} && exec {PROGRAMS['opensmtpd']} -d -f {conf}"
    with child(["unshare", "--mount", "sh", "-c", run], mta.log):
        yield


@contextlib.contextmanager
def child(
    command: list[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    with (
        log.open("ab") as told,
        subprocess.Popen(command, stdout=told, stderr=told, env=environment) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
