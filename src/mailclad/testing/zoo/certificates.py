"""The certificate zoo: a chain for each thing that can be wrong with one, and healthy ones.

Made in code for a given moment, with keys, so that a server can show them; what stands at the
URLs in them comes along.  ``store`` alone is what a program in the zoo's world trusts.  Each
fixture tells which rules of ``services/diagnose`` must find what, and that they find no more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import prod

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from mailclad.testing.zoo.forge import (
    Key,
    Made,
    Order,
    authority,
    make,
    new_key,
    revocation_list,
)
from mailclad.testing.zoo.naming import HERE, HOST, Names


@dataclass(frozen=True, slots=True)
class ZooCertificate:
    """``chain`` is DER as a server shows it, leaf first; ``finds`` are pairs of a rule and the
    catalogue's entry, in order; none for a healthy one.  ``host`` is what a program asks for."""

    name: str
    about: str
    chain: tuple[bytes, ...]
    key_pem: bytes
    host: str
    finds: tuple[tuple[str, str], ...]

    @property
    def chain_pem(self) -> bytes:
        return b"".join(
            x509.load_der_x509_certificate(one).public_bytes(Encoding.PEM) for one in self.chain
        )


@dataclass(frozen=True, slots=True)
class CertificateZoo:
    """``published`` is what the certificates' URLs answer; a URL that is not there fails."""

    store: tuple[bytes, ...]
    published: Mapping[str, bytes]
    certificates: Mapping[str, ZooCertificate]


@dataclass(frozen=True, slots=True)
class _Authority:
    order: Order
    issuer: str = ""
    key_of: str = ""
    rsa_bits: int = 0


_AUTHORITIES: Mapping[str, _Authority] = {
    "root": _Authority(authority("Zoo Root")),
    "inter": _Authority(authority("Zoo Intermediate", path_length=0), "root"),
    "inter2": _Authority(authority("Zoo Other Intermediate", path_length=0), "root"),
    "old-inter": _Authority(authority("Zoo Intermediate", path_length=0), "root"),
    "expired-inter": _Authority(
        authority("Zoo Expired Intermediate", ends=-2, begins=-90), "root"
    ),
    "expired-root": _Authority(authority("Zoo Expired Root", begins=-3650, ends=-2)),
    "cross": _Authority(authority("Zoo Root"), "expired-root", key_of="root"),
    "nc-inter": _Authority(
        authority(
            "Zoo Constrained Intermediate",
            extensions=((x509.NameConstraints([x509.DNSName("allowed.test")], None), True),),
        ),
        "root",
    ),
    "excluding": _Authority(
        authority(
            "Zoo Excluding Intermediate",
            extensions=((x509.NameConstraints(None, [x509.DNSName(HOST)]), True),),
        ),
        "root",
    ),
    "below": _Authority(authority("Zoo Below"), "inter"),
    "not-a-ca": _Authority(Order("Zoo No Authority", usages=None), "root"),
    "weak": _Authority(authority("Zoo Weak Intermediate"), "root", rsa_bits=1024),
    "sha1-inter": _Authority(authority("Zoo SHA-1 Intermediate", sha1=True), "root"),
    "loose": _Authority(
        replace(authority("Zoo Loose Intermediate", usages=None), subject_key_id=False), "root"
    ),
    "private": _Authority(authority("Example Company CA", "Example Company")),
    "scanner": _Authority(authority("Avast Web/Mail Shield Root", "Avast Web/Mail Shield")),
    "proxy": _Authority(authority("mitmproxy", "mitmproxy")),
    "public": _Authority(authority("R99", "Let's Encrypt", path_length=0), "root"),
    "old-public": _Authority(authority("R99", "Let's Encrypt", path_length=0), "root"),
    "hidden": _Authority(authority("R98", "Let's Encrypt", path_length=0), "root"),
    "middle": _Authority(authority("Zoo Middle", issuer_url=f"{HERE}/root.cer"), "root"),
    "deep": _Authority(authority("Zoo Deep", issuer_url=f"{HERE}/middle.cer"), "middle"),
}

Finds = tuple[tuple[str, str], ...]

_LEAF = Order(HOST, names=(HOST,), issuer_url=f"{HERE}/inter.cer")
_BARE = Order(HOST, names=(HOST,))
_CLIENT, _MAIL = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION
_UNKNOWN = (x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4.5.6"), b"\x05\x00"), True)


@dataclass(frozen=True, slots=True)
class _Recipe:
    """``sends`` are the authorities in the chain behind the leaf, "leaf" itself again."""

    about: str
    order: Order
    finds: Finds = ()
    issuer: str = "inter"
    sends: tuple[str, ...] = ("inter",)
    key: str = "ec"
    host: str = HOST


def _named(*names: str, host: str = HOST) -> Order:
    return replace(_LEAF, common_name=host, names=names)


_C01, _C02 = (("C01", "CERT-301"),), (("C02", "CERT-317"),)
_C07, _C07b, _C07c = ((("C07", "CERT-302"),), (("C07b", "CERT-302"),), (("C07c", "CERT-302"),))
_C08, _C09, _C10 = (("C08", "CERT-310"),), (("C09", "CERT-303"),), (("C10", "CERT-305"),)
_C11, _C12, _C13 = (("C11", "CERT-304"),), (("C12", "CERT-316"),), (("C13", "CERT-316"),)
_C14, _C15, _C16 = (("C14", "CERT-314"),), (("C15", "CERT-311"),), (("C16", "CERT-311"),)
_C17, _C18, _C19 = (("C17", "CERT-318"),), (("C18", "CERT-318"),), (("C19", "CERT-319"),)
_C21, _C23, _C40 = (("C21", "CERT-323"),), (("C23", "CERT-312"),), (("C40", "CERT-322"),)
_C38, _C39 = (("C38", "CERT-321"),), (("C39", "CERT-321"),)

_RECIPES: Mapping[str, _Recipe] = {
    # --- healthy ---
    "ok": _Recipe("all is well", _LEAF),
    "ok-wildcard": _Recipe(
        "a wildcard for the host", _named("*.example.test"), host="a.example.test"
    ),
    "ok-international": _Recipe(
        "a name in another script", _named("xn--bcher-kva.test"), host="bücher.test"
    ),
    "ok-last-dot": _Recipe("asked for with its last dot", _LEAF, host="mail.test."),
    "ok-capitals": _Recipe("asked for in capitals", _LEAF, host="MAIL.TEST"),
    "ok-address": _Recipe(
        "an IP address in the certificate",
        replace(_LEAF, addresses=("127.0.0.1",)),
        host="127.0.0.1",
    ),
    "ok-rsa": _Recipe("an RSA key of 2048 bits", _LEAF, key="rsa-2048"),
    "ok-six-days": _Recipe("a life of six days, begun", replace(_LEAF, ends=5)),
    "ok-many-names": _Recipe(
        "a hundred names", _named(*(f"n{one}.test" for one in range(99)), HOST)
    ),
    "ok-crl": _Recipe("a revocation list without it", replace(_LEAF, crl_url=f"{HERE}/fresh.crl")),
    "no-eku": _Recipe("says no purpose", replace(_LEAF, purposes=None)),
    "no-ski": _Recipe("no subjectKeyIdentifier", replace(_LEAF, subject_key_id=False)),
    "398-day": _Recipe("398 days, from a private authority", replace(_LEAF, ends=397)),
    # --- dates ---
    "expired": _Recipe("ended two days ago", replace(_LEAF, begins=-62, ends=-2), _C01),
    "not-yet-valid": _Recipe(
        "begins in two days", replace(_LEAF, begins=2), (("C05b", "CERT-306"),)
    ),
    "ends-soon": _Recipe(
        "ten days left of ninety", replace(_LEAF, begins=-80, ends=10), (("C04", "CERT-307"),)
    ),
    "ends-soon-of-six-days": _Recipe(
        "a day left of six", replace(_LEAF, begins=-5, ends=1), (("C04", "CERT-307"),)
    ),
    "expired-and-other-name": _Recipe(
        "ended two days ago, and for another host",
        replace(_named("other.test"), begins=-62, ends=-2),
        (*_C01, *_C07),
    ),
    "expired-self-signed": _Recipe(
        "ended two days ago, and signed by itself",
        replace(_BARE, begins=-62, ends=-2),
        (*_C01, *_C09),
        issuer="",
        sends=(),
    ),
    # --- names ---
    "hostname-mismatch": _Recipe("for another host", _named("other.test"), _C07),
    "www-only": _Recipe("for the web site only", _named("www.mail.test"), _C07b),
    "domain-only": _Recipe(
        "for the domain only", _named("example.test"), _C07b, host="mail.example.test"
    ),
    "sibling": _Recipe(
        "for another host of the domain",
        _named("smtp.example.test"),
        (("C07", "CERT-302"),),
        host="imap.example.test",
    ),
    "provider-wildcard": _Recipe("for the provider's hosts", _named("*.provider.test"), _C07),
    "wildcard-tld": _Recipe(
        "a wildcard for a whole top-level domain", _named("*.test"), _C07c, host="imap.test"
    ),
    "wildcard-depth": _Recipe(
        "a wildcard one label too high", _named("*.example.test"), _C07c, host="a.b.example.test"
    ),
    "wildcard-apex": _Recipe(
        "a wildcard without the domain itself",
        _named("*.example.test"),
        _C07c,
        host="example.test",
    ),
    "partial-wildcard": _Recipe(
        "a wildcard within a label", _named("im*.test"), _C07c, host="imap.test"
    ),
    "address-asked": _Recipe(
        "asked for by its address", _LEAF, (("C07e", "CERT-302"),), host="127.0.0.1"
    ),
    "set-up-name": _Recipe(
        "without the name that programs ask for settings",
        _named("example.test"),
        (("C07d", "CERT-315"),),
        host="autoconfig.example.test",
    ),
    "cn-only-no-san": _Recipe("its name in the old place only", replace(_LEAF, names=()), _C08),
    "ip-san-only": _Recipe(
        "an address, and its name in the old place",
        replace(_LEAF, names=(), addresses=("127.0.0.1",)),
        _C08,
    ),
    "mailbox-only": _Recipe(
        "a mail address, and its name in the old place",
        replace(_LEAF, names=(), mailboxes=("postmaster@mail.test",)),
        _C08,
    ),
    "no-name": _Recipe(
        "no host's name anywhere", replace(_LEAF, common_name="Mail Server", names=()), _C07
    ),
    # --- trust ---
    "self-signed-leaf": _Recipe("signed by itself", _BARE, _C09, issuer="", sends=()),
    "self-signed-ca-true": _Recipe(
        "signed by itself, as an authority", authority(HOST, ends=60), _C09, issuer="", sends=()
    ),
    "self-signed-other-name": _Recipe(
        "signed by itself, as programs are delivered",
        Order("localhost.localdomain", names=("localhost.localdomain",)),
        _C09,
        issuer="",
        sends=(),
    ),
    "private-ca-root-sent": _Recipe(
        "a company's authority, shown", _BARE, _C10, "private", ("private",)
    ),
    "private-ca-root-not-sent": _Recipe(
        "a company's authority, not shown", _BARE, _C10, "private", ()
    ),
    "private-ca-found": _Recipe(
        "a company's authority, to be fetched",
        replace(_LEAF, issuer_url=f"{HERE}/private.cer"),
        _C10,
        "private",
        (),
    ),
    "missing-intermediate": _Recipe("a link of the chain is missing", _LEAF, _C11, sends=()),
    "missing-intermediate-pem": _Recipe(
        "a link of the chain is missing; it stands as PEM at its URL",
        replace(_LEAF, issuer_url=f"{HERE}/inter.pem"),
        _C11,
        sends=(),
    ),
    "missing-two": _Recipe(
        "two links of the chain are missing",
        replace(_LEAF, issuer_url=f"{HERE}/deep.cer"),
        _C11,
        "deep",
        (),
    ),
    "missing-intermediate-known": _Recipe(
        "the link of a public authority is missing, and no URL leads to it",
        _BARE,
        _C11,
        "hidden",
        (),
    ),
    "unrelated-intermediate": _Recipe("a link of another chain", _LEAF, _C11, sends=("inter2",)),
    "intercepted": _Recipe(
        "made by a virus scanner on this computer", _BARE, _C23, "scanner", ("scanner",)
    ),
    "intercepted-other-name": _Recipe(
        "made by a virus scanner that copies no names",
        _named("proxy.test"),
        _C23,
        "scanner",
        ("scanner",),
    ),
    "intercepted-leaf-only": _Recipe(
        "made by a proxy that does not show its root", _BARE, _C23, "proxy", ()
    ),
    # --- the chain's form ---
    "ok-with-root-sent": _Recipe("the root sent too", _LEAF, _C13, sends=("inter", "root")),
    "wrong-order": _Recipe("the root sent before the link", _LEAF, _C12, sends=("root", "inter")),
    "extra-unrelated": _Recipe(
        "another chain's link sent too", _LEAF, _C13, sends=("inter2", "inter")
    ),
    "sent-twice": _Recipe("the link sent twice", _LEAF, _C13, sends=("inter", "inter")),
    "leaf-twice": _Recipe(
        "the certificate itself sent twice", _LEAF, _C13, sends=("leaf", "inter")
    ),
    "expired-intermediate": _Recipe(
        "a link of the chain has ended", _BARE, _C02, "expired-inter", ("expired-inter",)
    ),
    "expired-cross-root": _Recipe(
        "an old root that has ended, for old programs",
        _LEAF,
        (("C03", "CERT-317"),),
        sends=("inter", "cross", "expired-root"),
    ),
    # --- keys and signatures ---
    "rsa-1024": _Recipe("an RSA key of 1024 bits", _LEAF, _C15, key="rsa-1024"),
    "weak-authority": _Recipe("the link's key has 1024 bits", _BARE, _C15, "weak", ("weak",)),
    "sha1-leaf": _Recipe("signed with SHA-1", replace(_LEAF, sha1=True), _C16),
    "sha1-intermediate": _Recipe(
        "the link is signed with SHA-1", _BARE, _C16, "sha1-inter", ("sha1-inter",)
    ),
    "bad-signature": _Recipe("a broken signature", replace(_LEAF, broken=True), _C14),
    "old-issuer": _Recipe(
        "with its issuer's certificate from before a change of keys",
        _LEAF,
        _C11,
        sends=("old-inter",),
    ),
    "old-issuer-no-url": _Recipe(
        "with the old one of a public authority, and no URL of the right one",
        _BARE,
        _C14,
        "public",
        ("old-public",),
    ),
    "other-issuer-key": _Recipe(
        "names another key as its issuer's", replace(_LEAF, key_id=b"\x01" * 20), _C14
    ),
    "computable-key": _Recipe("a key made by a faulty chip (ROCA)", _LEAF, _C40, key="roca"),
    # --- what it may be used for ---
    "eku-client-only": _Recipe("made for clients", replace(_LEAF, purposes=(_CLIENT,)), _C17),
    "eku-email-protection": _Recipe("made for S/MIME", replace(_LEAF, purposes=(_MAIL,)), _C17),
    "ku-certsign-only": _Recipe(
        "may sign certificates only", replace(_LEAF, usages=("key_cert_sign",)), _C17
    ),
    "critical-unknown-ext": _Recipe(
        "a critical extension that nobody knows", replace(_LEAF, extensions=(_UNKNOWN,)), _C18
    ),
    "name-constraint-violation": _Recipe(
        "an authority that may not certify this name", _BARE, _C18, "nc-inter", ("nc-inter",)
    ),
    "name-excluded": _Recipe(
        "an authority to which this name is forbidden", _BARE, _C18, "excluding", ("excluding",)
    ),
    "issuer-not-a-ca": _Recipe(
        "signed by something that is no authority", _BARE, _C18, "not-a-ca", ("not-a-ca",)
    ),
    "path-too-long": _Recipe(
        "below an authority that may have none below", _BARE, _C18, "below", ("below", "inter")
    ),
    # --- strict programs ---
    "no-aki": _Recipe("no authorityKeyIdentifier", replace(_LEAF, authority_key_id=False), _C19),
    "empty-subject": _Recipe(
        "no subject, names not critical", replace(_LEAF, common_name=None), _C19
    ),
    "loose-authority": _Recipe(
        "a link without keyUsage and subjectKeyIdentifier", _BARE, _C19, "loose", ("loose",)
    ),
    # --- revocation, and what public authorities owe ---
    "revoked": _Recipe(
        "revoked", replace(_LEAF, crl_url=f"{HERE}/revoked.crl"), (("C20", "CERT-320"),)
    ),
    "crl-unreachable": _Recipe(
        "its revocation list cannot be had", replace(_LEAF, crl_url=f"{HERE}/gone.crl"), _C21
    ),
    "crl-stale": _Recipe(
        "its revocation list has ended", replace(_LEAF, crl_url=f"{HERE}/stale.crl"), _C21
    ),
    "crl-forged": _Recipe(
        "its revocation list is signed by another",
        replace(_LEAF, crl_url=f"{HERE}/forged.crl"),
        _C21,
    ),
    "398-day-public": _Recipe(
        "398 days, from a public authority", replace(_BARE, ends=397), _C38, "public", ("public",)
    ),
    "no-sct-public": _Recipe(
        "from a public authority, in no public log", _BARE, _C39, "public", ("public",)
    ),
}


def make_zoo(now: datetime, names: Names = Names()) -> CertificateZoo:
    """``now`` is aware; everything in the zoo is made for this moment, and for these names."""
    making = _Making(now, names)
    zoo = {name: making.leaf(name, recipe) for name, recipe in _RECIPES.items()}
    published = _published(making.authorities, zoo["revoked"], now)
    return CertificateZoo(
        (making.authorities["root"].der,),
        {names.url(url): octets for url, octets in published.items()},
        zoo,
    )


class _Making:
    def __init__(self, now: datetime, names: Names) -> None:
        self._now = now
        self._names = names
        self._keys: dict[str, Key] = {
            "rsa-1024": new_key(1024),
            "rsa-2048": new_key(2048),
            "roca": computable_key(),
        }
        self.authorities: dict[str, Made] = {}
        for name, one in _AUTHORITIES.items():
            key = self.authorities[one.key_of].key if one.key_of else new_key(one.rsa_bits)
            self.authorities[name] = self._make(one.order, one.issuer, key)

    def leaf(self, name: str, recipe: _Recipe) -> ZooCertificate:
        leaf = self._make(recipe.order, recipe.issuer, self._keys.get(recipe.key))
        sent = (leaf if one == "leaf" else self.authorities[one] for one in recipe.sends)
        chain = (leaf.der, *(one.der for one in sent))
        host = self._host(recipe.host)
        return ZooCertificate(name, recipe.about, chain, leaf.key_pem, host, recipe.finds)

    def _host(self, host: str) -> str:
        """As it is asked for: capitals and a last dot stay."""
        named = self._names.of(host.lower().removesuffix("."))
        named += "." if host.endswith(".") else ""
        return named.upper() if host.isupper() else named

    def _make(self, order: Order, issuer: str, key: Key | None) -> Made:
        return make(self._names.order(order), self._now, self.authorities.get(issuer), key)


def _published(
    authorities: Mapping[str, Made], revoked: ZooCertificate, now: datetime
) -> Mapping[str, bytes]:
    inter = authorities["inter"]
    serial = x509.load_der_x509_certificate(revoked.chain[0]).serial_number
    issuers = {
        f"{HERE}/{name}.cer": authorities[name].der
        for name in ("inter", "root", "middle", "deep", "private")
    }
    return {
        **issuers,
        f"{HERE}/inter.pem": inter.certificate.public_bytes(Encoding.PEM),
        f"{HERE}/revoked.crl": revocation_list(inter, now, [serial]),
        f"{HERE}/fresh.crl": revocation_list(inter, now, [serial]),
        f"{HERE}/stale.crl": revocation_list(inter, now, [], days=-1),
        f"{HERE}/forged.crl": revocation_list(inter, now, [], key=authorities["inter2"].key),
    }


_SMALL_PRIMES = [
    one for one in range(2, 702) if all(one % factor for factor in range(2, int(one**0.5) + 1))
]


def computable_key() -> rsa.RSAPrivateKey:
    """A key with primes as CVE-2017-15361 made them: powers of 65537, modulo all small primes."""
    product = prod(_SMALL_PRIMES)
    base = (3 << 1022) // product
    # the offsets were found by trying: these two give primes
    p, q = (
        (base + offset) * product + pow(65537, power, product)
        for power, offset in ((12345, 51), (54321, 1021))
    )
    private = pow(65537, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(65537, p * q)
    exponents = (rsa.rsa_crt_dmp1(private, p), rsa.rsa_crt_dmq1(private, q))
    numbers = rsa.RSAPrivateNumbers(p, q, private, *exponents, rsa.rsa_crt_iqmp(p, q), public)
    return numbers.private_key()
