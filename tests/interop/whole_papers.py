"""The certificates that a mail host may have: right ones, and those that people put there."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailclad.testing.zoo.forge import Made, Order, authority, make, new_key
from tests.interop.mtas import Pki

CA_HOST, CA_ADDRESS = "ca.test", "45.0.1.2"


@dataclass(frozen=True)
class Papers:
    """``root`` is the file that programs trust; ``page`` what the authority publishes."""

    directory: Path
    now: datetime
    issuer: Made
    root: Path
    page: Path
    pki: dict[str, Pki]
    key_digests: dict[str, str]

    @classmethod
    def made(cls, directory: Path, host: str) -> Self:
        now = datetime.now(UTC)
        root = make(authority("A Test's Root"), now)
        link = make(authority("A Test's Intermediate", path_length=0), now, root)
        page = directory / "page"
        page.mkdir()
        (page / "link.cer").write_bytes(link.der)
        (directory / "root.pem").write_bytes(_pem(root))
        papers = cls(directory, now, link, directory / "root.pem", page, {}, {})
        papers._fill(host, root)
        return papers

    def of(self, name: str) -> Pki:
        """A good one for another name."""
        return self._write(name, self._leaf(name), self.issuer)

    def _fill(self, host: str, root: Made) -> None:
        link, good = self.issuer, self._leaf(host)
        self._write("good", good, link)
        self._write("leaf only", good)
        self._write("wrong order", good, root, link)
        self._write("other name", self._leaf("www.example.net"), link)
        self._write("expired", self._leaf(host, begins=-92, ends=-2), link)
        self._write("old", self._leaf(host, begins=-85, ends=5), link)
        self._write("self-signed", make(_order(host), self.now))
        self._write("weak", make(_order(host), self.now, link, new_key(1024)), link)
        own = Order("localhost", "Courier Mail Server", ends=364)
        self._write("Courier's", make(own, self.now))

    def _leaf(self, host: str, begins: float = -1, ends: float = 89) -> Made:
        return make(_order(host, begins, ends), self.now, self.issuer)

    def _write(self, name: str, leaf: Made, *links: Made) -> Pki:
        files = Pki(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        files.certificate.write_bytes(b"".join(map(_pem, (leaf, *links))))
        files.key.write_bytes(leaf.key_pem)
        info = leaf.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.key_digests[name] = sha256(info).hexdigest()
        self.pki[name] = files
        return files


def _order(host: str, begins: float = -1, ends: float = 89) -> Order:
    url = f"http://{CA_HOST}/link.cer"
    return Order(host, names=(host,), begins=begins, ends=ends, issuer_url=url)


def _pem(one: Made) -> bytes:
    return x509.load_der_x509_certificate(one.der).public_bytes(Encoding.PEM)
