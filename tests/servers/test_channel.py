"""The channel in the clear: what receive, nudge, deadline, drain and close promise."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable

import pytest

from mailclad.base.tls_policy import Service, TlsMode
from mailclad.servers.channel import RECEIVE_BOUND, UNSENT_BOUND, Channel, ConnectionLost
from tests.servers.loopback import Server, echo, read_exactly, read_to_end
from tests.servers.test_tls_transport import reset

Result = list[object]


def plain(loop: str, shell: Callable[[Channel], Awaitable[None]]) -> Server:
    async def run(channel: Channel) -> None:
        await shell(channel)

    return Server(loop, run, None, service=Service.LMTP, mode=TlsMode.NONE)


def test_who_and_where(loop: str) -> None:
    seen: Result = []

    async def look(channel: Channel) -> None:
        seen.extend([channel.peer, channel.local_port, channel.tls, channel.closing])

    with plain(loop, look) as server, server.connect() as sock:
        assert read_to_end(sock) == b""
        assert seen == ["127.0.0.1", server.port, None, False]


def test_what_gathered_comes_in_one_piece(loop: str) -> None:
    seen: Result = []

    async def listen(channel: Channel) -> None:
        while len(channel._received) < 3:
            await asyncio.sleep(0)
        seen.append(await channel.receive())

    with plain(loop, listen) as server, server.connect() as sock:
        for octet in (b"a", b"b", b"c"):
            sock.sendall(octet)
        read_to_end(sock)
    assert seen == [b"abc"]
    assert type(seen[0]) is bytes


def test_nudges_wake_once_and_never_hide_octets(loop: str) -> None:
    seen: Result = []

    async def listen(channel: Channel) -> None:
        channel.nudge()
        channel.nudge()
        seen.append(await channel.receive())
        asyncio.get_running_loop().call_soon(channel.nudge)
        seen.append(await channel.receive())
        channel.nudge()
        channel.data_received(b"octets")
        seen.append(await channel.receive())
        seen.append(await channel.receive())
        channel.write(b"end")
        seen.append(await channel.receive())

    with plain(loop, listen) as server, server.connect() as sock:
        read_exactly(sock, 3)
        sock.shutdown(socket.SHUT_WR)
        read_to_end(sock)
    assert seen == [b"", b"", b"octets", b"", None]


def test_the_end_of_file_comes_behind_the_last_octets_and_stays(loop: str) -> None:
    seen: Result = []

    async def listen(channel: Channel) -> None:
        while channel._flags & 1 == 0:
            await asyncio.sleep(0)
        seen.extend([await channel.receive() for _ in range(3)])
        channel.write(b"still writable")

    with plain(loop, listen) as server, server.connect() as sock:
        sock.sendall(b"last")
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock) == b"still writable"
    assert seen == [b"last", None, None]


def test_the_deadline_is_not_restarted_by_octets(loop: str) -> None:
    seen: Result = []

    async def listen(channel: Channel) -> None:
        begun = asyncio.get_running_loop().time()
        channel.set_deadline(0.1)
        try:
            while True:
                await channel.receive()
                asyncio.get_running_loop().call_later(0.01, channel.data_received, b"x")
        except TimeoutError:
            seen.append(0.09 < asyncio.get_running_loop().time() - begun < 5)
        with pytest.raises(TimeoutError):
            await channel.receive() if not channel._received else await raise_timeout()
        channel.set_deadline(10)
        channel.write(b"too slow")

    async def raise_timeout() -> None:
        raise TimeoutError

    with plain(loop, listen) as server, server.connect() as sock:
        sock.sendall(b"x")
        assert read_to_end(sock) == b"too slow"
    assert seen == [True]


def test_an_earlier_deadline_replaces_a_later_one(loop: str) -> None:
    seen: Result = []

    async def listen(channel: Channel) -> None:
        for first, second in ((600, 0.01), (0.01, 0.02), (0.01, None)):
            channel.set_deadline(first)
            asyncio.get_running_loop().call_soon(channel.set_deadline, second)
            if second is None:
                asyncio.get_running_loop().call_later(0.05, channel.nudge)
            try:
                seen.append(await channel.receive())
            except TimeoutError:
                seen.append("late")

    with plain(loop, listen) as server, server.connect() as sock:
        read_to_end(sock)
    assert seen == ["late", "late", b""]


def test_octets_that_are_there_come_before_a_passed_deadline(loop: str) -> None:
    seen: Result = []

    async def listen(channel: Channel) -> None:
        channel.set_deadline(0)
        channel.data_received(b"in time")
        seen.append(await channel.receive())
        with pytest.raises(TimeoutError):
            await channel.receive()

    with plain(loop, listen) as server, server.connect() as sock:
        read_to_end(sock)
    assert seen == [b"in time"]


def test_a_reset_raises_and_keeps_raising(loop: str) -> None:
    seen: Result = []

    async def listen(channel: Channel) -> None:
        channel.write(b"ready")
        for call in (channel.receive, channel.receive, channel.drain):
            try:
                await call()
            except ConnectionLost:
                seen.append("lost")
        channel.write(b"into the void")
        channel.nudge()
        channel.abort()
        await channel.close()
        seen.append("no harm")
        with pytest.raises(ConnectionLost):
            channel.hand_over(asyncio.Protocol())
        with pytest.raises(ConnectionLost):
            await channel.start_tls()

    with plain(loop, listen) as server, server.connect() as sock:
        read_exactly(sock, 5)
        reset(sock)
        server.until(lambda: server.listener.connections == 0)
    assert seen == ["lost", "lost", "lost", "no harm"]


def test_reading_stops_while_too_much_waits(loop: str) -> None:
    channels: list[Channel] = []
    go = threading.Event()
    total = 0

    async def listen(channel: Channel) -> None:
        nonlocal total
        channels.append(channel)
        while not go.is_set():
            await asyncio.sleep(0.001)
        while data := await channel.receive():
            total += len(data)

    size = 8 * 1024 * 1024
    with plain(loop, listen) as server, server.connect() as sock:
        sender = threading.Thread(target=sock.sendall, args=(bytes(size),))
        sender.start()
        server.until(lambda: bool(channels) and len(channels[0]._received) > RECEIVE_BOUND)
        for _ in range(20):
            server.run(asyncio.sleep(0))
        assert len(channels[0]._received) <= RECEIVE_BOUND + 256 * 1024, "and one read"
        go.set()
        sender.join()
        sock.shutdown(socket.SHUT_WR)
        read_to_end(sock)
    assert total == size


def test_drain_waits_for_a_slow_reader(loop: str) -> None:
    seen: Result = []
    size = 256 * 1024

    async def pour(channel: Channel) -> None:
        channel.set_deadline(20)
        for _ in range(40):
            channel.write(bytes(size))
            await channel.drain()
        seen.append("all")

    with plain(loop, pour) as server, server.connect() as sock:
        assert len(read_exactly(sock, 40 * size)) == 40 * size
        assert read_to_end(sock) == b""
    assert seen == ["all"]


def test_drain_obeys_the_deadline(loop: str) -> None:
    seen: Result = []

    async def pour(channel: Channel) -> None:
        channel.set_deadline(0.1)
        try:
            while True:
                channel.write(bytes(256 * 1024))
                await channel.drain()
        except TimeoutError:
            seen.append("late")
            channel.abort()

    with plain(loop, pour) as server, server.connect() as sock:
        server.until(lambda: bool(seen))
        server.until(lambda: server.listener.connections == 0)
        sock.close()
    assert seen == ["late"]


def test_more_than_the_bound_unread_loses_the_connection(loop: str) -> None:
    sizes: list[int] = []

    async def pour(channel: Channel) -> None:
        while channel._transport is not None and not channel._transport.is_closing():
            channel.write(bytes(64 * 1024))
            sizes.append(channel._transport.get_write_buffer_size())
            await asyncio.sleep(0)
        with pytest.raises(ConnectionLost, match="does not read"):
            await channel.receive()

    with plain(loop, pour) as server, server.connect() as sock:
        server.until(lambda: bool(sizes) and server.listener.connections == 0)
        sock.close()
    assert UNSENT_BOUND <= max(sizes) <= UNSENT_BOUND + 2 * 64 * 1024


def test_the_last_word_arrives_though_the_client_sent_more(loop: str) -> None:
    """A socket closed over unread octets resets the connection; the reply must not be lost."""

    async def refuse(channel: Channel) -> None:
        await channel.receive()
        channel.write(b"500 too long\r\n")

    with plain(loop, refuse) as server:
        for _ in range(20):
            with server.connect() as sock:
                sock.sendall(b"x" * 200_000)
                answer = b""
                while piece := sock.recv(100):  # raises if the connection is reset
                    answer += piece
                assert answer == b"500 too long\r\n"


def test_a_large_last_word_arrives_whole(loop: str) -> None:
    size = 4 * 1024 * 1024

    async def pour(channel: Channel) -> None:
        channel.write(bytes(size))

    with plain(loop, pour) as server, server.connect() as sock:
        assert len(read_to_end(sock)) == size


def test_a_client_that_does_not_go_is_dropped(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailclad.servers.farewell.LINGER_SECONDS", 0.05)

    async def goodbye(channel: Channel) -> None:
        await channel.close(b"bye")

    with plain(loop, goodbye) as server, server.connect() as sock:
        assert read_to_end(sock) == b"bye"
        server.until(lambda: server.listener.connections == 0)


def test_a_cancelled_receive_loses_nothing(loop: str) -> None:
    seen: Result = []

    async def listen(channel: Channel) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await channel.receive()
        channel.write(b"go")
        seen.append(await channel.receive())

    with plain(loop, listen) as server, server.connect() as sock:
        read_exactly(sock, 2)
        sock.sendall(b"kept")
        read_to_end(sock)
    assert seen == [b"kept"]


def test_echo_over_a_unix_socket(loop: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("u") / "lmtp"
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    listening.listen()
    listening.setblocking(False)
    server = Server(loop, echo, None, service=Service.LMTP, mode=TlsMode.NONE, sock=listening)
    with server, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.connect(str(path))
        sock.sendall(b"LHLO")
        assert read_exactly(sock, 4) == b"LHLO"
