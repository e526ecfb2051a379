"""A small signed Internet for interop tests: ldns signs it, nsd serves it, unbound resolves it.

    ZONES = [
        Zone("test"),
        Zone("peer.test", ["@ MX 10 mx", "mx A 127.0.0.1", "_25._tcp.mx TLSA 3 1 1 " + digest]),
        Zone("plain.test", ["@ MX 10 mx.peer.test."], signed=False),
        Zone("liar.test", ["@ TXT true"], ds="wrong"),
    ]

    with signed_internet(tmp_path, ZONES) as internet:
        DnsResolver([internet.validating])                        # AD, through unbound
        internet.resolver("ours")                                 # our own validation
        internet.resolver("unbound")                              # the first again, by name

The root is made from the zones.  A zone stands in the next longer one of the list, which gets its
NS, DS and addresses.  Records are as in a zone file, with names relative to their zone; each zone
has SOA and NS already.  ``validating`` sets AD and answers SERVFAIL for bogus data; ``resolving``
is an unbound that validates nothing, so signatures reach whoever asks with DO.  Starts in about
half a second; needs ``nsd``, ``ldns-signzone`` and ``unbound`` (tools/interop-programs):

    pytestmark = pytest.mark.interop("nsd", "ldns-signzone", "unbound")
"""

import contextlib
import itertools
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from mailclad.engines.dns.dnssec.records import Ds
from mailclad.engines.dns.resolver import DnsResolver
from tests.ports import free_ports

T = TypeVar("T")

Address = tuple[str, int]

SOA = "@ 300 IN SOA ns hostmaster 1 3600 600 86400 60\n@ 300 IN NS ns\nns 300 IN A 127.0.0.1\n"


@dataclass(frozen=True)
class Zone:
    """``ds``: what the zone above has; ``changed``: the signed zone file, line by line."""

    name: str
    records: Sequence[str] = ()
    signed: bool = True
    algorithm: str = "ECDSAP256SHA256"
    nsec3: bool = False
    iterations: int = 0
    opt_out: bool = False
    expired: bool = False
    ds: Literal["right", "wrong", "none"] = "right"
    changed: Callable[[list[str]], list[str]] = field(default=lambda lines: lines)


@dataclass(frozen=True)
class Internet:
    """``anchors`` are the DS records of its root."""

    validating: Address
    resolving: Address
    anchors: tuple[Ds, ...]

    def resolver(self, validation: Literal["ours", "unbound"]) -> DnsResolver:
        if validation == "unbound":
            return DnsResolver([self.validating])
        return DnsResolver([self.resolving], validate="always", anchors=self.anchors)


@contextlib.contextmanager
def signed_internet(directory: Path, zones: Sequence[Zone]) -> Iterator[Internet]:
    """Serves until its end; the longest names are signed first, for their DS records."""
    delegations: dict[str, list[str]] = {zone.name: [] for zone in [*zones, Zone("")]}
    for zone in sorted(zones, key=lambda zone: -len(zone.name.split("."))):
        parent = _parent(zone.name, delegations)
        delegations[parent] += [f"{zone.name}. NS ns.{zone.name}.", f"ns.{zone.name}. A 127.0.0.1"]
        delegations[parent] += _write_zone(directory, zone, delegations[zone.name])
    root = _write_zone(directory, Zone(""), delegations[""])
    names = list(delegations)
    with contextlib.ExitStack() as stack:
        server = _start(partial(_nsd, directory, names), stack)
        validating, resolving = (
            _start(partial(_unbound, directory, names, server, modules, root), stack)
            for modules in ("validator iterator", "iterator")
        )
        yield Internet(validating, resolving, tuple([_read_ds(line) for line in root]))


def _parent(name: str, names: dict[str, list[str]]) -> str:
    _, _, above = name.partition(".")
    while above not in names:
        _, _, above = above.partition(".")
    return above


def _write_zone(directory: Path, zone: Zone, delegations: Sequence[str]) -> list[str]:
    """Returns its DS records, as lines."""
    origin = f"{zone.name}."
    path = directory / f"{origin}zone"
    path.write_text(
        f"$ORIGIN {origin}\n$TTL 300\n{SOA}" + "\n".join([*zone.records, *delegations]) + "\n"
    )
    if not zone.signed:
        return []
    key = _run(directory, "ldns-keygen", "-k", "-a", zone.algorithm, "-b", "2048", origin).strip()
    options = ["-o", origin, "-f", path.name]
    if zone.expired:
        options += ["-i", "20200101", "-e", "20200201"]
    if zone.nsec3:
        options += ["-n", "-t", str(zone.iterations), "-s", "ab12", *["-p"] * zone.opt_out]
    _run(directory, "ldns-signzone", *options, path.name, key)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(zone.changed(lines)))
    ds = _run(directory, "ldns-key2ds", "-n", "-2", f"{key}.key").split()
    if zone.ds == "wrong":
        ds[-1] = "00" + ds[-1][2:]
    return [] if zone.ds == "none" else [" ".join(ds)]


def _run(directory: Path, *command: str) -> str:
    return subprocess.run(
        command, cwd=directory, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


def _read_ds(line: str) -> Ds:
    *_, key_tag, algorithm, digest_type, digest = line.split()
    return Ds(int(key_tag), int(algorithm), int(digest_type), bytes.fromhex(digest))


NSD = """
server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: "{directory}"
  pidfile: ""
  database: ""
  xfrdfile: "{directory}/xfrd.state"
  zonelistfile: "{directory}/zone.list"
  server-count: 1
  verbosity: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
"""

UNBOUND = """
server:
  interface: 127.0.0.1
  port: {port}
  username: ""
  chroot: ""
  pidfile: ""
  directory: "{directory}"
  use-syslog: no
  verbosity: 1
  module-config: "{modules}"
  local-zone: "test." nodefault
  do-not-query-localhost: no
  do-ip6: no
"""


TRIES = 3
"""Somebody may have taken the port in between."""


class _NotStarted(Exception):
    pass


def _start(server: Callable[[], AbstractContextManager[T]], stack: contextlib.ExitStack) -> T:
    for _ in range(TRIES - 1):
        with contextlib.suppress(_NotStarted):
            return stack.enter_context(server())
    return stack.enter_context(server())


@contextlib.contextmanager
def _nsd(directory: Path, names: Sequence[str]) -> Iterator[int]:
    (port,) = free_ports(1)
    conf = directory / "nsd.conf"
    zones = [f'zone:\n  name: "{name}."\n  zonefile: "{name}.zone"\n' for name in names]
    conf.write_text(NSD.format(port=port, directory=directory) + "".join(zones))
    with _serving(["/usr/sbin/nsd", "-d", "-c", str(conf)], "nsd started"):
        yield port


@contextlib.contextmanager
def _unbound(
    directory: Path, names: Sequence[str], server: int, modules: str, anchors: Sequence[str]
) -> Iterator[Address]:
    (port,) = free_ports(1)
    conf = directory / f"unbound-{port}.conf"
    text = UNBOUND.format(port=port, directory=directory, modules=modules)
    text += "".join([f'  trust-anchor: "{anchor}"\n' for anchor in anchors])
    for name in names:
        text += f'stub-zone:\n  name: "{name}."\n  stub-addr: 127.0.0.1@{server}\n'
    conf.write_text(text)
    command = ["/usr/sbin/unbound", "-d", "-p", "-c", str(conf)]
    with _serving(command, "start of service"):
        yield "127.0.0.1", port


@contextlib.contextmanager
def _serving(command: Sequence[str], ready: str) -> Iterator[None]:
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = list(itertools.takewhile(lambda line: ready not in line, process.stderr))
        if process.poll() is not None:
            raise _NotStarted("".join(said))
        drain = threading.Thread(target=process.stderr.read)  # a full pipe would stop it
        drain.start()
        try:
            yield
        finally:
            process.terminate()
            drain.join()
