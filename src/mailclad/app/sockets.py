"""The listening sockets: bound here before root is given up, or taken from systemd.

Comes in: what the configuration wants to listen on.  Goes out: open sockets that worker
processes inherit.  Sockets are made with ``IPPROTO_TCP``: asyncio switches Nagle's delay off
only then.  systemd's sockets (``LISTEN_FDS``, sd_listen_fds(3)) are recognised by address and
port, or for a Unix socket by path; what is left over is bound here.
"""

import errno
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mailclad.app.settings.listen import ListenConfig
from mailclad.base.tls_policy import Service, TlsMode

BACKLOG = 1024
"""Connections that wait while all workers are busy; the kernel caps it at net.core.somaxconn."""

FIRST_SYSTEMD_FD = 3

LMTP_SOCKET_MODE = 0o660
"""The owner and group may hand mail in; whoever may connect needs no password."""

Place = tuple[str, int]
"""Address and port, or the path of a Unix socket and 0."""


class PortProblem(Exception):
    """A port cannot be had; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One service on one or more open sockets."""

    service: Service
    tls: TlsMode
    sockets: tuple[socket.socket, ...]
    proxy_from: tuple[str, ...] = ()
    mail: bool = True
    forgiving: bool = False

    @property
    def port(self) -> int:
        """The port, or 0 on a Unix socket."""
        return _place(self.sockets[0])[1]


def inherited_sockets(environment: Mapping[str, str] = os.environ) -> dict[Place, socket.socket]:
    """The sockets that systemd opened for this process, by address and port."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return {}
    found: dict[Place, socket.socket] = {}
    for number in range(int(environment.get("LISTEN_FDS", "0"))):
        sock = socket.socket(fileno=FIRST_SYSTEMD_FD + number)
        os.set_inheritable(sock.fileno(), False)
        if sock.family != socket.AF_UNIX:  # named again, so that asyncio sees IPPROTO_TCP
            descriptor = sock.detach()
            family = socket.socket(fileno=os.dup(descriptor)).family
            sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, descriptor)
        found[_place(sock)] = sock
    return found


def open_sockets(
    lines: Iterable[ListenConfig], given: Mapping[Place, socket.socket]
) -> tuple[Bound, ...]:
    """Open what the lines ask for, taking given sockets where they fit; all or nothing."""
    bound: list[Bound] = []
    opened: list[socket.socket] = []
    try:
        for line in lines:
            sockets = _open_line(line, given, opened)
            bound.append(
                Bound(
                    line.service,
                    line.tls,
                    sockets,
                    line.proxy_from,
                    line.mail,
                    line.forgiving,
                )
            )
    except PortProblem:
        for sock in opened:
            sock.close()
        raise
    return tuple(bound)


def places(bound: Iterable[Bound]) -> dict[Place, socket.socket]:
    """All open sockets by address and port."""
    return {_place(sock): sock for line in bound for sock in line.sockets}


def _open_line(
    line: ListenConfig, given: Mapping[Place, socket.socket], opened: list[socket.socket]
) -> tuple[socket.socket, ...]:
    sockets: list[socket.socket] = []
    wanted = [(str(line.path), 0)] if line.path else [(a, line.port or 0) for a in line.addresses]
    for place in wanted:
        if place in given:
            sockets.append(given[place])
            continue
        if place[0] == "0.0.0.0" and _takes_ipv4(given.get(("::", place[1]))):  # noqa: S104
            continue
        sock = _bind(place, line)
        if sock is not None:
            sockets.append(sock)
            opened.append(sock)
    if not sockets:
        raise PortProblem(f"No address of this machine fits {', '.join(a for a, _ in wanted)}.")
    return tuple(sockets)


def _bind(place: Place, line: ListenConfig) -> socket.socket | None:
    """Open one socket; None where this machine has no IPv6 and the line has more addresses."""
    address, port = place
    try:
        return _bind_unix(Path(address)) if line.path else _bind_tcp(address, port)
    except OSError as problem:
        if ":" in address and len(line.addresses) > 1 and not _is_port_trouble(problem):
            return None
        raise PortProblem(_explain(line, place, problem)) from None


def _takes_ipv4(sock: socket.socket | None) -> bool:
    """Whether this IPv6 socket (systemd's way) has the port for IPv4 too."""
    return sock is not None and not sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


def _is_port_trouble(problem: OSError) -> bool:
    return isinstance(problem, PermissionError) or problem.errno == errno.EADDRINUSE


def _bind_tcp(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _bind_unix(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket():
            path.unlink()
        sock.bind(str(path))
        path.chmod(LMTP_SOCKET_MODE)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _explain(line: ListenConfig, place: Place, problem: OSError) -> str:
    where = place[0] if line.path else f"{place[0]} port {place[1]}"
    what = f"Cannot listen on {where} for {line.service}: "
    if isinstance(problem, PermissionError):
        return what + "ports below 1024 need root, or a socket unit of systemd."
    if problem.errno == errno.EADDRINUSE:
        text = f"another program uses it. See which with: ss -ltnp 'sport = :{place[1]}'"
        return what + text + (_OTHER_WEB_SERVER if line.service in _WEB else "")
    return what + f"{problem.strerror}."


_WEB = frozenset({Service.HTTP, Service.HTTPS})
_OTHER_WEB_SERVER = (
    "\nIf it is a web server that is to stay: list the ports that Mailclad shall have as "
    "[[listen]] in the configuration, and leave this one out."
)


def _place(sock: socket.socket) -> Place:
    name = sock.getsockname()
    return (name[0], name[1]) if isinstance(name, tuple) else (name, 0)
