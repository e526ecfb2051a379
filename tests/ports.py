"""Ports for servers of tests that must know theirs before they begin."""

import contextlib
import itertools
import os
import secrets
import socket

_FIRST, _PORTS = 10_000, 1_000  # below 32,768, where ephemeral ports begin
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_ports = itertools.count(secrets.randbelow(_PORTS))


def free_ports(count: int) -> list[int]:
    """Ports that nobody has, for TCP and UDP, of those that the system gives to nobody by itself.

    Each worker of a test run has a range of its own: none looks, by listening for a moment,
    at the port of a server that another worker is just starting anew.
    """
    found: list[int] = []
    while len(found) < count:
        port = _FIRST + _WORKER * _PORTS + next(_ports) % _PORTS
        with (
            contextlib.suppress(OSError),
            socket.create_server(("127.0.0.1", port)),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        ):
            datagrams.bind(("127.0.0.1", port))
            found.append(port)
    return found
