"""Ports are opened with what asyncio needs, taken from systemd where given, all or none."""

import os
import socket
from pathlib import Path

import pytest

from mailclad.app.settings.listen import ListenConfig
from mailclad.app.sockets import PortProblem, inherited_sockets, open_sockets, places
from mailclad.base.tls_policy import Service, TlsMode

LOCAL = ("127.0.0.1",)


def line(port: int, addresses: tuple[str, ...] = LOCAL) -> ListenConfig:
    return ListenConfig(service=Service.IMAP, tls=TlsMode.IMPLICIT, port=port, addresses=addresses)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def test_sockets_are_made_as_tcp_so_that_nagles_delay_goes_off() -> None:
    (bound,) = open_sockets([line(free_port())], {})
    (sock,) = bound.sockets
    assert sock.proto == socket.IPPROTO_TCP
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    sock.close()


def test_a_port_in_use_is_named_and_nothing_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken, free = other.getsockname()[1], free_port()
        with pytest.raises(PortProblem, match=f"127.0.0.1 port {taken} for imap: another prog"):
            open_sockets([line(free), line(taken)], {})
        socket.create_server(("127.0.0.1", free)).close()


def test_another_web_server_may_keep_its_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        web = ListenConfig(service=Service.HTTP, tls=TlsMode.NONE, port=port, addresses=LOCAL)
        with pytest.raises(PortProblem) as told:
            open_sockets([web], {})
        assert "ss -ltnp" in str(told.value)
        assert "If it is a web server that is to stay: list the ports" in str(told.value)
        with pytest.raises(PortProblem) as told:
            open_sockets([line(port)], {})
        assert "web server" not in str(told.value)


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(PortProblem, match=r"192\.0\.2\.1"):
        open_sockets([line(free_port(), ("192.0.2.1",))], {})


def test_sockets_of_systemd_are_used_by_address_and_port() -> None:
    given = socket.create_server(("127.0.0.1", 0))
    place = given.getsockname()[:2]
    (bound,) = open_sockets([line(place[1])], {place: given})
    assert bound.sockets == (given,)
    assert places([bound]) == {place: given}
    given.close()


def test_a_dual_stack_socket_of_systemd_serves_ipv4_too() -> None:
    given = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    port = given.getsockname()[1]
    (bound,) = open_sockets([line(port, ("0.0.0.0", "::"))], {("::", port): given})
    assert bound.sockets == (given,)
    given.close()


def test_sockets_meant_for_another_process_are_left_alone() -> None:
    assert inherited_sockets({"LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDS": "3"}) == {}
    assert inherited_sockets({}) == {}


def test_lmtp_on_a_path_replaces_the_socket_of_a_server_that_died(tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    lmtp = ListenConfig(service=Service.LMTP, tls=TlsMode.NONE, path=path)
    for _ in range(2):
        (bound,) = open_sockets([lmtp], {})
        assert bound.port == 0
        assert path.stat().st_mode & 0o777 == 0o660
        bound.sockets[0].close()
