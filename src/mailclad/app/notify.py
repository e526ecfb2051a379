"""What the service manager is told: sd_notify(3) over one datagram, without a library."""

import os
import socket
import time
from collections.abc import Mapping


def notify(state: str, environment: Mapping[str, str] = os.environ) -> None:
    """Send ``READY=1`` and the like to systemd; without systemd nothing happens."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.sendto(state.encode(), address)
        except OSError:
            return  # the manager went away: nobody is left to be told


def reloading() -> str:
    """The state for the start of a reload; systemd wants the time with it."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"
