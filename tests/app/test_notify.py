"""systemd hears what it needs; without systemd nothing happens."""

import socket
from pathlib import Path

from mailclad.app.notify import notify, reloading


def test_the_state_arrives_as_one_datagram(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "n"))
        notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "n")})
        assert manager.recv(100) == b"READY=1"


def test_an_abstract_socket_works_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")  # the kernel chooses an abstract name
        name: bytes = manager.getsockname()
        notify("STOPPING=1", {"NOTIFY_SOCKET": "@" + name[1:].decode()})
        assert manager.recv(100) == b"STOPPING=1"


def test_nothing_to_tell_or_nobody_there(tmp_path: Path) -> None:
    notify("READY=1", {})
    notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "gone")})


def test_a_reload_carries_the_time_it_began() -> None:
    assert reloading().startswith("RELOADING=1\nMONOTONIC_USEC=")
