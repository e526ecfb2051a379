"""`mailclad serve` with every port that speaks TLS, as scanners meet it; and its certificates.

Two kinds.  ``private``: an EC certificate of our private authority, as ``mailclad init`` makes
it.  ``both``: EC and RSA beside one another, each below an intermediate, as public authorities
issue them.  ``authorities`` is what a scanner is told to trust.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.serialization import Encoding

from mailclad.testing.zoo.forge import Made, Order, authority, make, new_key
from tests.app.served import Served
from tests.ports import free_ports

Kind = Literal["private", "both"]
KINDS: tuple[Kind, ...] = ("private", "both")

HOST, ADDRESS = "localhost", "127.0.0.1"
RSA_BITS = 3072  # what public authorities and NCSC call good; 2048 is the least
LEAF_DAYS = 89  # of public authorities today; scanners warn of less than 60


@dataclass(frozen=True, slots=True)
class Place:
    """A port by what it speaks: "imap implicit", "smtp starttls"."""

    service: str
    tls: str

    def __str__(self) -> str:
        return f"{self.service} {self.tls}"

    @property
    def starttls(self) -> str | None:
        """What scanners call the protocol that STARTTLS is said in."""
        if self.tls == "implicit":
            return None
        return self.service if self.service in {"imap", "pop3"} else "smtp"


PLACES = (
    *(Place(service, "implicit") for service in ("imap", "pop3", "submission", "https")),
    *(Place(service, "starttls") for service in ("imap", "pop3", "submission", "smtp")),
)


@dataclass(frozen=True, slots=True)
class Scanned:
    ports: dict[Place, int]
    authorities: Path

    def where(self, place: Place) -> str:
        return f"{HOST}:{self.ports[place]}"


@contextmanager
def scanned(kind: Kind, folder: Path) -> Iterator[Scanned]:
    """A server of this kind, until the block ends."""
    served = Served(folder)
    served.prepare()  # with a certificate of the private authority
    ports = dict(zip(PLACES, free_ports(len(PLACES)), strict=True))
    authorities = folder / "authority" / "ca.pem"
    if kind == "both":
        authorities = folder / "authorities.pem"
        _issue_both(folder, authorities)
    served.file.write_text(_configuration(kind, ports))
    try:
        served.start()
        yield Scanned(ports, authorities)
    finally:
        served.end()


def _configuration(kind: Kind, ports: dict[Place, int]) -> str:
    pairs = [("chain.pem", "key.pem")] if kind == "private" else [_files("ec"), _files("rsa")]
    return "".join(
        [
            '[server]\nhostname = "localhost"\ndata = "data"\nworkers = 1\n',
            '[log]\nfile = "log"\nformat = "json"\n[deliver]\nenabled = false\n',
            *(
                f'[[tls.certificates]]\ncertificate = "{certificate}"\nkey = "{key}"\n'
                for certificate, key in pairs
            ),
            *(
                f'[[listen]]\nservice = "{place.service}"\ntls = "{place.tls}"\n'
                f'port = {port}\naddresses = ["{ADDRESS}"]\n'
                for place, port in ports.items()
            ),
        ]
    )


def _files(algorithm: str) -> tuple[str, str]:
    return f"{algorithm}.pem", f"{algorithm}.key"


def _issue_both(folder: Path, authorities: Path) -> None:
    now = datetime.now(UTC)
    roots = []
    for algorithm, bits in (("ec", 0), ("rsa", RSA_BITS)):
        name = f"Test {algorithm.upper()}"
        root = make(authority(f"{name} Root", "Test"), now, key=new_key(bits))
        below = authority(f"{name} Intermediate", "Test", path_length=0)
        intermediate = make(below, now, root, new_key(bits))
        order = Order(HOST, names=(HOST,), addresses=(ADDRESS,), ends=LEAF_DAYS)
        leaf = make(order, now, intermediate, new_key(bits))
        certificate, key = _files(algorithm)
        (folder / certificate).write_bytes(_pem([leaf, intermediate]))
        (folder / key).write_bytes(leaf.key_pem)
        roots.append(root)
    authorities.write_bytes(_pem(roots))


def _pem(chain: Iterable[Made]) -> bytes:
    return b"".join(one.certificate.public_bytes(Encoding.PEM) for one in chain)
