"""An authority and a world for tests of renewal: they do what they are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from mailclad.services.certificates.acme.order import Issued, OrderFailed, RenewalWindow, Wanted
from mailclad.services.certificates.keys import TlsaSeen
from mailclad.services.certificates.renewal import Issuer, Survey, World
from tests.services.certificates.kept import NAMES
from tests.services.clock import StandingClock


def chain_for(wanted: Wanted, names: tuple[str, ...], begins: int, days: float) -> bytes:
    """A certificate on the wanted key."""
    key = load_pem_private_key(wanted.key_pem.reveal(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    start = datetime.fromtimestamp(begins, UTC)
    name = x509.Name([])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=True
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.PEM)


@dataclass
class TestIssuer(Issuer):
    """``bad`` are names that cannot be proved; ``failure`` is raised; ``window`` its answer."""

    __test__ = False

    clock: StandingClock
    days: float = 90
    bad: Mapping[str, str] = field(default_factory=dict)
    failure: Exception | None = None
    window: RenewalWindow | None = None
    asked: list[Wanted] = field(default_factory=list)
    windows_asked: int = 0

    async def obtain(self, wanted: Wanted) -> Issued:
        self.asked.append(wanted)
        if self.failure is not None:
            raise self.failure
        names = tuple(name for name in wanted.names if name not in self.bad)
        dropped = {name: self.bad[name] for name in wanted.names if name in self.bad}
        if wanted.needs_first and wanted.names[0] in dropped:
            raise OrderFailed("the first one could not be proved", names=dropped)
        if wanted.gains and not wanted.gains & frozenset(names):
            raise OrderFailed("none of the new names could be proved", names=dropped)
        pem = chain_for(wanted, names, self.clock.now(), self.days)
        return Issued(pem, names, "letsencrypt", dropped)

    async def renewal_info(self, authority: str, leaf_pem: bytes) -> RenewalWindow | None:
        self.windows_asked += 1
        return self.window


@dataclass
class TestWorld(World):
    __test__ = False

    names: tuple[str, ...] = NAMES
    unsure: Mapping[str, str] = field(default_factory=dict)
    hindrance: str = ""
    seen: TlsaSeen | None = field(default_factory=TlsaSeen)

    async def survey(self) -> Survey:
        return Survey(self.names, unsure=self.unsure, hindrance=self.hindrance)

    async def tlsa(self) -> TlsaSeen | None:
        return self.seen
