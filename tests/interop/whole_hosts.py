"""Whole mail hosts of others at their real ports, as distributions set them up, or badly.

Debian's Postfix with Dovecot, and Exim with Courier: 25, 465, 587, 143, 993, 110 and 995 at one
address of an island.  ``extra`` are lines behind ours in each program's own configuration, by its
name: what people add, and what they get wrong.  Nobody signs in.
"""

import contextlib
import os
import pwd
import socket
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.interop.mtas import POSTFIX, Pki, child, postfix_at
from tests.interop.neighbours import until

MAIL_PORTS = (25, 465, 587, 143, 993, 110, 995)
COURIER = Path("/usr/local/lib/courier")


@dataclass(frozen=True)
class Host:
    """``pki`` is every port's; ``of`` has what some of the programs (or one port) have instead.

    Programs are ``postfix``, ``dovecot``, ``exim``, ``courier``; ports of Postfix and Courier are
    written as numbers, and their ``extra`` are options of that port alone.
    """

    name: str
    address: str
    pki: Pki
    of: Mapping[str, Pki] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)

    def files(self, *places: str) -> Pki:
        return next((self.of[place] for place in places if place in self.of), self.pki)

    def more(self, place: str) -> str:
        return self.extra.get(place, "")


@contextlib.contextmanager
def postfix_and_dovecot(host: Host) -> Iterator[None]:
    """Until the end; every port answers when it is entered."""
    with _place() as directory, _dovecot(host, directory), _postfix(host, directory):
        _wait_for(host)
        yield


@contextlib.contextmanager
def exim_and_courier(host: Host) -> Iterator[None]:
    with _place() as directory, _exim(host, directory), _courier(host, directory):
        _wait_for(host)
        yield


@contextlib.contextmanager
def _place() -> Iterator[Path]:
    # Not pytest's, which is closed to the programs' users; they may still be writing at the end.
    with tempfile.TemporaryDirectory(prefix="host-", ignore_cleanup_errors=True) as made:
        directory = Path(made)
        directory.chmod(0o755)
        (directory / "log").touch(0o666)
        (directory / "log").chmod(0o666)
        yield directory


def _wait_for(host: Host) -> None:
    for port in MAIL_PORTS:
        until(partial(_accepts, host.address, port), f"{host.name} port {port}")


def _accepts(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
        return True
    return False


# --- Postfix ---

_MAIN_CF = """\
myhostname = {host.name}
smtpd_tls_protocols = >=TLSv1.2
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_sasl_type = dovecot
smtpd_sasl_path = {directory}/auth
"""

_PORTS = {
    25: "",
    465: "-o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes",
    587: "-o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes"
    " -o smtpd_tls_auth_only=yes",
}
"""As Debian's master.cf has them, in comments."""


@contextlib.contextmanager
def _postfix(host: Host, directory: Path) -> Iterator[None]:
    pki = host.files("postfix")
    main = (POSTFIX + _MAIN_CF).format(directory=directory, host=host, pki=pki)
    ports = [_postfix_port(host, port, options) for port, options in _PORTS.items()]
    with postfix_at(directory, main + host.more("postfix"), ports):
        yield


def _postfix_port(host: Host, port: int, options: str) -> str:
    own = host.of.get(str(port))
    if own is not None:
        options += f" -o smtpd_tls_cert_file={own.certificate} -o smtpd_tls_key_file={own.key}"
    return f"{host.address}:{port} inet n - n - - smtpd {options} {host.more(str(port))}"


# --- Dovecot ---

_DOVECOT = """\
base_dir = {directory}/run
state_dir = {directory}/run
log_path = {directory}/log
protocols = imap pop3
listen = {host.address}
ssl = required
ssl_cert = <{pki.certificate}
ssl_key = <{pki.key}
mail_location = maildir:{directory}/box/%u
passdb {{
  driver = static
  args = password=nobody-signs-in
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={directory}
}}
service auth {{
  unix_listener {directory}/auth {{
    mode = 0666
  }}
}}
"""


@contextlib.contextmanager
def _dovecot(host: Host, directory: Path) -> Iterator[None]:
    conf = directory / "dovecot.conf"
    text = _DOVECOT.format(directory=directory, host=host, pki=host.files("dovecot"))
    conf.write_text(text + host.more("dovecot"))
    with child(["/usr/sbin/dovecot", "-F", "-c", str(conf)], directory / "log"):
        yield


# --- Exim ---

_EXIM = """\
exim_path = /usr/local/sbin/exim4
keep_environment =
primary_hostname = {host.name}
daemon_smtp_ports = 25 : 465 : 587
tls_on_connect_ports = 465
local_interfaces = {host.address}
spool_directory = {directory}/spool
log_file_path = {directory}/%slog
exim_user = Debian-exim
exim_group = Debian-exim
tls_advertise_hosts = *
tls_certificate = {pki.certificate}
tls_privatekey = {directory}/exim.key
tls_require_ciphers = NORMAL:-VERS-TLS1.0:-VERS-TLS1.1
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
"""
_EXIM_AUTH = """
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = false
"""


@contextlib.contextmanager
def _exim(host: Host, directory: Path) -> Iterator[None]:
    user, pki = pwd.getpwnam("Debian-exim"), host.files("exim")
    (directory / "spool").mkdir()
    (directory / "exim.key").write_bytes(pki.key.read_bytes())
    for name in ("mainlog", "rejectlog", "paniclog"):
        (directory / name).symlink_to(directory / "log")
    for path in (directory / "spool", directory / "exim.key"):
        os.chown(path, user.pw_uid, user.pw_gid)
    chain = directory / "exim.pem"
    chain.write_bytes(pki.certificate.read_bytes())
    main = _EXIM.format(directory=directory, host=host, pki=Pki(chain, pki.key))
    settings = _settings(main + host.more("exim"))
    lines = [f"{name} = {value}" for name, value in settings.items()]
    conf = directory / "exim.conf"
    conf.write_text("\n".join(lines) + _EXIM_AUTH)
    with child(["/usr/local/sbin/exim4", "-C", str(conf), "-bdf"], directory / "log"):
        yield


def _settings(lines: str) -> dict[str, str]:
    """The last of a name counts; Exim takes none twice."""
    both = (line.partition("=") for line in lines.splitlines() if line)
    return {name.strip(): value.strip() for name, _, value in both}


# --- Courier ---

_LOGINS = {"imap": ("imaplogin", 143, 993), "pop3": ("courierpop3login", 110, 995)}


@contextlib.contextmanager
def _courier(host: Host, directory: Path) -> Iterator[None]:
    user = pwd.getpwnam("courier")
    with contextlib.ExitStack() as stack:
        for name, (login, clear, tls) in _LOGINS.items():
            pem = directory / f"{name}d.pem"  # one file has the key too
            pem.touch(0o600)
            os.chown(pem, user.pw_uid, user.pw_gid)
            pki = host.files(name, "courier")
            pem.write_bytes(pki.key.read_bytes() + pki.certificate.read_bytes())
            settings = _courier_settings(name, pem, host.more("courier"))
            serve = [str(COURIER / login), "/bin/false", "Maildir"]
            upgrade = [str(COURIER / "couriertls"), "-server", "-tcpd"]
            for port, program in ((clear, serve), (tls, [*upgrade, *serve])):
                implicit = {f"{name.upper()}_TLS": "1"} if port == tls else {}
                listen = [f"-address={host.address}", "-nodnslookup", "-noidentlookup", str(port)]
                command = [str(COURIER / "couriertcpd"), *listen, *program]
                log, environment = directory / "log", settings | implicit
                stack.enter_context(child(command, log, environment))
        yield


def _courier_settings(name: str, pem: Path, more: str) -> dict[str, str]:
    """Of /etc/courier/imapd, imapd-ssl and POP3's; signing in needs TLS, unlike in Debian's."""
    lines = f"""\
IMAP_CAPABILITY=IMAP4rev1 UIDPLUS CHILDREN NAMESPACE SORT QUOTA IDLE
IMAP_CAPABILITY_TLS=IMAP4rev1 UIDPLUS CHILDREN NAMESPACE SORT QUOTA IDLE AUTH=PLAIN
IMAP_STARTTLS=YES
POP3_STARTTLS=YES
IMAP_TLS_REQUIRED=1
POP3_TLS_REQUIRED=1
POP3AUTH_TLS=LOGIN PLAIN
COURIERTLS={COURIER}/couriertls
TLS_CERTFILE={pem}
TLS_VERIFYPEER=NONE
TLS_PRIORITY=NORMAL:-VERS-TLS1.0:-VERS-TLS1.1
PATH=/usr/bin:/bin
{more}"""
    return _settings(lines)
