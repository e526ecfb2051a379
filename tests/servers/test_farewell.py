"""The end of a TCP connection, with a transport that shows what is done to it."""

import asyncio
from collections.abc import Callable

import pytest

from mailclad.servers import farewell
from mailclad.servers.farewell import Farewell


class FakeTcp(asyncio.Transport):
    """A transport whose buffer empties as the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self.unsent = 0
        self.protocol: asyncio.BaseProtocol | None = None
        self.fails = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return "abort" in self.done or "close" in self.done

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write_eof(self) -> None:
        if self.fails:
            raise OSError("not connected")
        self.done.append("write_eof")

    def resume_reading(self) -> None:
        self.done.append("resume_reading")

    def close(self) -> None:
        self.done.append("close")

    def abort(self) -> None:
        self.done.append("abort")


class Told(asyncio.Protocol):
    def __init__(self) -> None:
        self.lost: list[Exception | None] = []

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.append(exc)


def on_loop(work: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """Run something on a loop; return what it wanted to be called later."""
    later: list[Callable[[], None]] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        real = loop.call_later

        def note(seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
            assert seconds == farewell.LINGER_SECONDS
            later.append(callback)
            return real(seconds, callback)

        monkeypatch.setattr(loop, "call_later", note)
        work()

    asyncio.run(run())
    return later


def test_the_peer_may_have_ended_already(monkeypatch: pytest.MonkeyPatch) -> None:
    tcp = FakeTcp()
    on_loop(lambda: Farewell(tcp, Told()).start(peer_ended=True), monkeypatch)
    assert tcp.done == ["close"]


def test_else_the_write_side_is_closed_and_the_rest_is_thrown_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tcp, told = FakeTcp(), Told()
    last = Farewell(tcp, told)
    on_loop(lambda: last.start(peer_ended=False), monkeypatch)
    assert tcp.done == ["write_eof", "resume_reading"]
    last.data_received(b"x" * 1_000_000)
    assert not last.eof_received(), "the transport then closes by itself"
    last.connection_lost(None)
    last.connection_lost(None)
    assert told.lost == [None], "told once"


def test_it_waits_as_long_as_the_peer_takes_something(monkeypatch: pytest.MonkeyPatch) -> None:
    tcp = FakeTcp()
    tcp.unsent = 300
    last = Farewell(tcp, Told())
    later = on_loop(lambda: last.start(peer_ended=False), monkeypatch)
    for unsent in (200, 100):
        tcp.unsent = unsent
        later = on_loop(later[0], monkeypatch)
        assert "abort" not in tcp.done
    later = on_loop(later[0], monkeypatch)
    assert tcp.done[-1] == "abort", "nothing was taken since the last look"
    assert later == []


def test_a_peer_that_keeps_its_side_open_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    tcp = FakeTcp()
    later = on_loop(lambda: Farewell(tcp, Told()).start(peer_ended=False), monkeypatch)
    on_loop(later[0], monkeypatch)
    assert tcp.done[-1] == "abort"


def test_a_socket_that_is_gone_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    tcp = FakeTcp()
    tcp.fails = True
    assert on_loop(lambda: Farewell(tcp, Told()).start(peer_ended=False), monkeypatch) == []
    assert tcp.done == ["abort"]


def test_a_transport_that_closes_already_only_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    tcp, told = FakeTcp(), Told()
    tcp.abort()
    last = Farewell(tcp, told)
    assert on_loop(lambda: last.start(peer_ended=False), monkeypatch) == []
    assert tcp.protocol is last
    last.connection_lost(None)
    assert told.lost == [None]
