import asyncio
from pathlib import Path

import pytest

from mailclad.base.resolver import DnsProblem
from mailclad.engines.dns.message import Kind
from mailclad.engines.dns.servers import (
    MAX_SERVERS,
    Servers,
    _is_loopback,
    parse_server,
    read_servers,
)
from tests.dns.server import StubDns


def test_servers_come_from_resolv_conf(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text(
        "# a comment\nsearch example\nnameserver 192.0.2.1\nnameserver\n nameserver ::1 x\n"
    )
    assert read_servers(path) == [("192.0.2.1", 53), ("::1", 53)]
    path.write_text("nameserver 192.0.2.1\n" * 9)
    assert len(read_servers(path)) == MAX_SERVERS


def test_where_none_is_named_this_host_is_asked(tmp_path: Path) -> None:
    assert read_servers(tmp_path / "none") == [("127.0.0.1", 53)]


def test_which_servers_are_believed() -> None:
    """127.0.0.0/8 and ::1, and no address that only looks so."""
    assert [
        _is_loopback(host) for host in ("127.0.0.1", "127.0.0.53", "127.255.255.254", "::1")
    ] == [True] * 4
    others = ("10.0.0.1", "128.0.0.1", "192.0.2.1", "::2", "fe80::1%lo", "::7f00:1")
    assert not any(_is_loopback(host) for host in others)


def test_servers_elsewhere_do_not_stand_in_for_one_on_loopback() -> None:
    elsewhere = ("192.0.2.1", 53)

    async def run() -> None:
        async with StubDns(rcodes={"a.test": "SERVFAIL"}) as dns:
            near = Servers([elsewhere, dns.address], 5.0, "auto")
            with pytest.raises(DnsProblem) as raised:
                await near.ask(b"\1a\4test\0", Kind.A)
            assert "192.0.2.1" not in str(raised.value)
            assert len(dns.asked) == 2

    asyncio.run(run())


@pytest.mark.parametrize("servers", [[], [("dns.example", 53)]])
def test_what_is_no_server_is_said_at_once(servers: list[tuple[str, int]]) -> None:
    with pytest.raises(ValueError):
        Servers(servers, 1.0, "auto")


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("127.0.0.1", ("127.0.0.1", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
    ],
)
def test_a_server_is_written_with_or_without_its_port(text: str, server: tuple[str, int]) -> None:
    assert parse_server(text) == server


@pytest.mark.parametrize("text", ["", "dns.example", "127.0.0.1:0", "127.0.0.1:70000", "1.2.3:53"])
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_server(text)
