"""A small DNS server on loopback for tests: zones as data, and every misbehaviour as a switch.

    async with StubDns({"example.test": {"MX": ["10 mx.example.test."]}}) as dns:
        resolver = DnsResolver([dns.address])
        ...
        assert dns.asked == [("example.test", "MX")]

It answers UDP and TCP on one port of 127.0.0.1, in the running event loop.  Names are without
the last dot; records are in presentation form, their names with it; ``"TXT": ['"a" "b"']``.  A
name that stands nowhere is NXDOMAIN, a type that is missing NODATA; both with an SOA of the root
(``negative_ttl``; None: without).  CNAMEs are followed as a full resolver does (``follows``).
Switches are plain attributes, to be set at any time; nothing here sleeps.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

Records = Mapping[str, Mapping[str, Sequence[str]]]


@dataclass
class StubDns:
    """Fill ``zones`` or change it later; ``asked`` is each question that came, in order."""

    zones: Records = field(default_factory=dict)
    ttl: int = 300
    negative_ttl: int | None = 60
    follows: bool = True
    """Off: like a server that knows one zone only, a CNAME is all it answers."""
    authentic: bool = False
    """Set AD on every answer but those for names in ``insecure``."""
    validates: bool = True
    """Set AD on the root's SOA: by that it is known whether AD may be believed.  Questions for it
    are answered at once and are not in ``asked``."""
    insecure: set[str] = field(default_factory=set)
    bogus: set[str] = field(default_factory=set)
    """Names that get SERVFAIL unless asked with CD, as from a validating resolver."""
    rcodes: dict[str, str] = field(default_factory=dict)
    """Names that get this RCODE and nothing else: {"a.test": "SERVFAIL"}."""
    truncate: bool = False
    """Over UDP: TC and no records."""
    drop: int = 0
    """So many of the next datagrams are not answered."""
    hold: asyncio.Event | None = None
    """Answers wait until it is set; the questions are in ``asked`` already."""
    wrong_id_first: bool = False
    """Before each answer over UDP, a false one with another number."""
    stranger_first: bool = False
    """Before each answer over UDP, a false one from another port."""
    spoil: Callable[[bytes], bytes] | None = None
    """What is really sent instead of these octets."""
    cut_tcp: bool = False
    """Over TCP: the connection is closed in the middle of the answer."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    tcp_asked: int = 0
    address: tuple[str, int] = ("127.0.0.1", 0)
    """Where it answers; port 0 becomes a free one."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._tcp = await asyncio.start_server(self._serve_tcp, *self.address)
        self.address = ("127.0.0.1", self._tcp.sockets[0].getsockname()[1])
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=self.address
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._udp.close()
        self._tcp.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def answer(self, query: dns.message.Message, *, udp: bool) -> dns.message.Message:
        """What a resolver that knows ``zones`` says."""
        if is_probe(query):
            reply = dns.message.make_response(query, recursion_available=True)
            reply.flags |= dns.flags.AD if self.validates else 0
            return reply
        question = query.question[0]
        reply = dns.message.make_response(query, recursion_available=True)
        name = _text(question.name)
        rcode = self._refusal(name, checked=not query.flags & dns.flags.CD)
        if rcode is not None:
            reply.set_rcode(dns.rcode.from_text(rcode))
        elif udp and self.truncate:
            reply.flags |= dns.flags.TC
        else:
            self._fill(reply, question.name, question.rdtype)
            if self.authentic and name not in self.insecure:
                reply.flags |= dns.flags.AD
        return reply

    def _refusal(self, name: str, *, checked: bool) -> str | None:
        return self.rcodes.get(name, "SERVFAIL" if checked and name in self.bogus else None)

    def _fill(
        self, reply: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType
    ) -> None:
        here: Mapping[str, Sequence[str]] = {}
        wanted = ""
        for _ in range(20):
            here = self.zones.get(_text(name), {})
            alias = here.get("CNAME")
            wanted = dns.rdatatype.to_text(rdtype) if alias is None else "CNAME"
            for record in here.get(wanted, ()):
                found = dns.rrset.from_text(name, self.ttl, "IN", wanted, record)
                held = reply.find_rrset(
                    reply.answer, name, found.rdclass, found.rdtype, create=True
                )
                held.add(found[0], self.ttl)
            if alias is None:
                break
            if not self.follows:
                return
            name = dns.name.from_text(alias[0])
        if not here:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        if not here.get(wanted) and self.negative_ttl is not None:
            soa = f". . 1 3600 600 86400 {self.negative_ttl}"
            reply.authority.append(dns.rrset.from_text(".", 86400, "IN", "SOA", soa))

    async def serve_datagram(self, octets: bytes, client: tuple[str, int]) -> None:
        query = dns.message.from_wire(octets)
        if is_probe(query):
            self._udp.sendto(self.answer(query, udp=True).to_wire(), client)
            return
        self._note(query)
        if self.drop:
            self.drop -= 1
            return
        await self._wait()
        reply = self._octets(self.answer(query, udp=True))
        false = dns.message.make_response(query)
        false.set_rcode(dns.rcode.NXDOMAIN)
        if self.stranger_first:
            with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as stranger:
                stranger.sendto(false.to_wire(), client)
        if self.wrong_id_first:
            false.id ^= 1
            self._udp.sendto(false.to_wire(), client)
        self._udp.sendto(reply, client)

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            octets = int.from_bytes(await reader.readexactly(2), "big")
            query = dns.message.from_wire(await reader.readexactly(octets))
            self._note(query)
            self.tcp_asked += 1
            await self._wait()
            reply = self._octets(self.answer(query, udp=False))
            sent = reply[: len(reply) // 2] if self.cut_tcp else reply
            writer.write(len(reply).to_bytes(2, "big") + sent)
            with contextlib.suppress(ConnectionError):
                await writer.drain()

    def _note(self, query: dns.message.Message) -> None:
        question = query.question[0]
        self.asked.append((_text(question.name), dns.rdatatype.to_text(question.rdtype)))

    async def _wait(self) -> None:
        if self.hold is not None:
            await self.hold.wait()

    def _octets(self, reply: dns.message.Message) -> bytes:
        octets = reply.to_wire(max_size=65535)
        return octets if self.spoil is None else self.spoil(octets)

    def start(self, octets: bytes, client: tuple[str, int]) -> None:
        task = asyncio.create_task(self.serve_datagram(octets, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@contextlib.contextmanager
def in_thread(stub: StubDns) -> Iterator[str]:
    """Serve from a thread of its own, for programs; where it answers, as ``host:port``."""
    ready = threading.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with stub:
            ready.set()
            await over

    over = loop.create_future()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        yield f"127.0.0.1:{stub.address[1]}"
    finally:
        loop.call_soon_threadsafe(over.set_result, None)
        thread.join()
        loop.close()


def is_probe(query: dns.message.Message) -> bool:
    question = query.question[0]
    return question.name == dns.name.root and question.rdtype == dns.rdatatype.SOA


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, stub: StubDns) -> None:
        self._stub = stub

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._stub.start(data, addr)


def _text(name: dns.name.Name) -> str:
    return name.canonicalize().to_text(omit_final_dot=True)
