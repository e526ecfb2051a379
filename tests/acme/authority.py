"""An ACME authority on loopback, over TLS, that does right and wrong as it is told.

    async with TestAuthority() as authority:
        authority.refuse["bad.test"] = ("caa", "finalize")
        client = AcmeClient(authority.configured(), authority.https(folder), [authority.solver], …)

It checks what a client signs (RFC 8555 §6.2: signature, nonce, URL, key), and that answers stand
where its solver put them while it looks.  It is written from the standard, with none of our code.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from mailclad.base.https import Https
from mailclad.servers.https_client import HttpsClient
from mailclad.servers.tls import ClientTrust
from mailclad.services.certificates.acme.account import Authority
from mailclad.services.certificates.acme.challenge import Challenge, ChallengeKind, SolverProblem
from mailclad.store.acme_accounts import AcmeAccount
from tests.certificates import Made, make
from tests.dns.fake import FakeResolver
from tests.servers.https_site import Site

HOST = "ca.test"
ROOT = make("web root", authority=True)
WEB = make(HOST, [HOST], ROOT)
ISSUING_ROOT = make("issuing root", authority=True)
ISSUER = make("issuing", issuer=ISSUING_ROOT, authority=True, sends=())
OTHER_ROOT = make("other root", authority=True)

Json = dict[str, Any]


class Accounts:
    """Kept in memory (implements ``store.acme_accounts.AcmeAccounts``)."""

    def __init__(self) -> None:
        self.kept: dict[str, AcmeAccount] = {}

    async def acme_account(self, authority: str) -> AcmeAccount | None:
        kept = self.kept.get(authority)
        await asyncio.sleep(0)  # a real one gives way to others too
        return kept

    async def keep_acme_account(self, account: AcmeAccount) -> None:
        self.kept[account.authority] = account


@dataclass
class MemorySolver:
    """Answers stand in a dictionary; ``cannot`` are names that it does not take on."""

    kind: ChallengeKind = ChallengeKind.HTTP
    cannot: frozenset[str] = frozenset()
    broken: str = ""
    standing: dict[tuple[str, str], str] = field(default_factory=dict)
    presented: list[str] = field(default_factory=list)

    def can(self, name: str) -> bool:
        return name not in self.cannot

    async def present(self, challenge: Challenge) -> None:
        assert challenge.kind == self.kind
        self.presented.append(challenge.name)
        if self.broken:
            raise SolverProblem(self.broken)
        self.standing[challenge.name, challenge.token] = challenge.key_authorization

    async def withdraw(self, challenge: Challenge) -> None:
        self.standing.pop((challenge.name, challenge.token), None)


@dataclass
class Answered:
    status: int
    body: Json | bytes
    headers: list[tuple[str, str]] = field(default_factory=list)

    def octets(self) -> bytes:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        lines = [f"HTTP/1.1 {self.status} Said", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode() + body


def objection(kind: str, detail: str = "", **more: Any) -> Json:
    error = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail or f"it is {kind}"}
    return error | more


def problem(kind: str, status: int = 400, detail: str = "", **more: Any) -> Answered:
    return Answered(status, objection(kind, detail, **more))


class _Refusing(Exception):
    def __init__(self, answered: Answered) -> None:
        super().__init__(answered.body)
        self.answered = answered


class TestAuthority:
    """``refuse``: by name, the kind of problem and where it is said.

    That is "order", "challenge" or "finalize", or the kind of proof that fails.
    ``standing``: names whose record for this account stands in the DNS (dns-persist-01).
    ``instead``: what is said on a path in place of the answer; ``once``: the next answers there;
    ``lost``: how many answers there are cut, after what was asked was done.
    """

    __test__ = False

    def __init__(self, *solvers: MemorySolver) -> None:
        self.solvers = solvers or (MemorySolver(),)
        self.offers = ["http-01", "dns-01", "tls-alpn-01"]
        self.refuse: dict[str, tuple[str, str]] = {}
        self.standing: frozenset[str] = frozenset()
        self.instead: dict[str, Answered | bytes] = {}
        self.once: dict[str, list[Answered | bytes]] = {}
        self.lost: dict[str, int] = {}
        self.poll_headers = [("Retry-After", "3")]
        self.rechain: Callable[[bytes], bytes] = lambda chain: chain
        self.bad_nonces = 0
        self.polls = 0
        self.profiles: dict[str, str] = {}
        self.customers: dict[str, bytes] = {}
        self.replaced: set[str] = set()
        self.window: Answered | None = None
        self.alter: Callable[[Json], Json] = lambda order: order
        self.shape: Callable[[x509.CertificateBuilder], x509.CertificateBuilder] = lambda b: b
        self.alternate = False
        self.requests: list[tuple[str, Json | None, Json]] = []
        self.accounts: dict[str, Json] = {}
        self.orders: list[Json] = []
        self.authorizations: list[Json] = []
        self.chains: list[bytes] = []
        self.most_at_once = 0
        self._at_once = 0
        self._nonces: set[str] = set()
        self._site = Site(WEB)

    async def __aenter__(self) -> Self:
        self._site.respond = self._respond
        await self._site.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._site.__aexit__()
        assert not any(solver.standing for solver in self.solvers), "an answer still stands"

    @property
    def base(self) -> str:
        return f"https://{HOST}:{self._site.port}"

    def configured(self, **more: Any) -> Authority:
        return replace(Authority("the test", f"{self.base}/dir"), **more)

    def https(self, folder: Path) -> Https:
        trusted = folder / "web-root.pem"
        trusted.write_bytes(ROOT.pem)
        names = FakeResolver({(HOST, "A"): ["127.0.0.1"]})
        return HttpsClient(names, ClientTrust(trusted), permits=lambda _: True)

    def count(self, path: str) -> int:
        return sum(asked.startswith(path) for asked, _, _ in self.requests)

    # HTTP

    async def _respond(self, request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        method, path, _ = head.partition(b"\r\n")[0].decode().split(" ")
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(0)
        try:
            answered = self._answer(method, path, body)
        except _Refusing as refusing:
            answered = refusing.answered
        finally:
            self._at_once -= 1
        if isinstance(answered, bytes):
            return answered
        headers = list(answered.headers)
        if method != "GET" and not any(name == "Replay-Nonce" for name, _ in headers):
            headers.append(("Replay-Nonce", self._new_nonce()))
        shown = Answered(answered.status, b"" if method == "HEAD" else answered.body, headers)
        return shown.octets()

    def _answer(self, method: str, path: str, body: bytes) -> Answered | bytes:
        places = (path, "/" + path.split("/")[1])
        if method == "POST":
            header, payload, account = self._verify(f"{self.base}{path}", body)
            self.requests.append((path, payload, header))
        else:
            payload, account = None, ""
            self.requests.append((path, None, {}))
        for place in places:
            if self.once.get(place):
                return self.once[place].pop(0)
            if place in self.instead:
                return self.instead[place]
        _, kind, *rest = path.split("/")
        served = getattr(self, f"_{kind}")
        answered = served(payload, account, *rest)
        assert isinstance(answered, Answered)
        for place in places:
            if self.lost.get(place, 0) > 0:
                self.lost[place] -= 1
                return b"HTTP/1.1 200 OK\r\n"
        return answered

    def _verify(self, url: str, body: bytes) -> tuple[Json, Json | None, str]:
        """RFC 8555 §6.2; the account is "" where the request is signed by key."""
        jws = json.loads(body)
        header = json.loads(_decode(jws["protected"]))
        assert header["alg"] == "ES256"
        assert header["url"] == url, "signed for another URL"
        assert ("kid" in header) != ("jwk" in header)
        if header["nonce"] not in self._nonces or self.bad_nonces > 0:
            self.bad_nonces -= 1
            raise _Refusing(problem("badNonce"))
        self._nonces.remove(header["nonce"])
        if "kid" in header and header["kid"] not in self.accounts:
            raise _Refusing(problem("accountDoesNotExist"))
        jwk = header["jwk"] if "jwk" in header else self.accounts[header["kid"]]["jwk"]
        _check_signature(jwk, jws)
        payload = json.loads(_decode(jws["payload"])) if jws["payload"] else None
        return header, payload, header.get("kid", "") or json.dumps(jwk)

    def _new_nonce(self) -> str:
        nonce = secrets.token_urlsafe(16)
        self._nonces.add(nonce)
        return nonce

    # Resources

    def _dir(self, *_: object) -> Answered:
        meta: Json = {"termsOfService": "https://ca.test/terms", "caaIdentities": ["ca.test"]}
        if self.profiles:
            meta["profiles"] = self.profiles
        if self.customers:
            meta["externalAccountRequired"] = True
        directory = {
            "newNonce": f"{self.base}/nonce",
            "newAccount": f"{self.base}/account",
            "newOrder": f"{self.base}/order",
            "renewalInfo": f"{self.base}/ari",
            "meta": meta,
            "somethingNew": {"deep": [1, 2, 3]},
        }
        return Answered(200, directory)

    def _nonce(self, *_: object) -> Answered:
        return Answered(200, b"")

    def _account(self, payload: Json | None, account: str, number: str = "") -> Answered:
        assert payload is not None
        if number:
            self.accounts[account] |= payload
            return Answered(200, {"status": "valid"})
        assert payload["termsOfServiceAgreed"] is True
        jwk = json.loads(account)
        for url, known in self.accounts.items():
            if known["jwk"] == jwk:
                return Answered(200, {"status": "valid"}, [("Location", url)])
        if self.customers:
            self._check_binding(payload, jwk)
        url = f"{self.base}/account/{len(self.accounts) + 1}"
        self.accounts[url] = {"jwk": jwk, "contact": payload.get("contact")}
        return Answered(201, {"status": "valid"}, [("Location", url)])

    def _check_binding(self, payload: Json, jwk: Json) -> None:
        binding = payload.get("externalAccountBinding")
        if binding is None:
            raise _Refusing(problem("externalAccountRequired", 403))
        header = json.loads(_decode(binding["protected"]))
        assert header["alg"] == "HS256"
        assert header["url"] == f"{self.base}/account"
        signed = f"{binding['protected']}.{binding['payload']}".encode()
        mac = hmac.digest(self.customers[header["kid"]], signed, "sha256")
        if mac != _decode(binding["signature"]):
            raise _Refusing(problem("unauthorized", 403))
        assert json.loads(_decode(binding["payload"])) == jwk

    def _order(self, payload: Json | None, account: str, number: str = "") -> Answered:
        if number:
            order = self.orders[int(number)]
            return Answered(200, self._shown(order))
        assert payload is not None
        if payload.get("replaces") in self.replaced:
            raise _Refusing(problem("alreadyReplaced", 409))
        self._refuse_at("order", payload["identifiers"])
        at = len(self.orders)
        order = {
            "url": f"{self.base}/order/{at}",
            "status": "pending",
            "identifiers": payload["identifiers"],
            "profile": payload.get("profile"),
            "replaces": payload.get("replaces"),
            "authorizations": [self._authorize(one) for one in payload["identifiers"]],
            "finalize": f"{self.base}/finalize/{at}",
        }
        self.orders.append(order)
        return Answered(201, self._shown(order), [("Location", order["url"])])

    def _shown(self, order: Json) -> Json:
        return self.alter({key: value for key, value in order.items() if value is not None})

    def _refuse_at(self, where: str, identifiers: list[Json]) -> None:
        wrong = [one for one in identifiers if self.refuse.get(one["value"], ("", ""))[1] == where]
        if wrong:
            parts = [objection(self.refuse[one["value"]][0], identifier=one) for one in wrong]
            raise _Refusing(problem("compound", 403, subproblems=parts))

    def _authorize(self, identifier: Json) -> str:
        at = len(self.authorizations)
        value = identifier["value"]
        bare = identifier | {"value": value.removeprefix("*.")}
        offers = [kind for kind in self.offers if not value.startswith("*.") or kind == "dns-01"]
        found: Json = {
            "identifier": bare,
            "status": "pending",
            "challenges": [
                {
                    "type": kind,
                    "url": f"{self.base}/chall/{at}-{place}",
                    "status": "pending",
                    "token": secrets.token_urlsafe(16),
                }
                for place, kind in enumerate(offers)
            ],
        }
        if value in self.standing:
            url = f"{self.base}/chall/{at}-0"
            proof = {"type": "dns-persist-01", "url": url, "issuerDomainNames": ["ca.test"]}
            found |= {"status": "valid", "challenges": [proof | {"status": "valid"}]}
        if value.startswith("*."):
            found["wildcard"] = True
        self.authorizations.append(found)
        return f"{self.base}/authz/{at}"

    def _chall(self, payload: Json | None, account: str, number: str) -> Answered:
        assert payload == {}
        at, place = map(int, number.split("-"))
        found = self.authorizations[at]
        challenge = found["challenges"][place]
        found["verdict"] = self._judge(found, challenge, self.accounts[account]["jwk"])
        found["polls"] = self.polls
        return Answered(200, challenge)

    def _judge(self, found: Json, challenge: Json, jwk: Json) -> Json | None:
        name = found["identifier"]["value"]
        kind, where = self.refuse.get(name, ("", ""))
        if where in {"challenge", challenge["type"]}:
            return objection(kind)
        expected = f"{challenge['token']}.{_thumbprint(jwk)}"
        for solver in self.solvers:
            if solver.kind == challenge["type"]:
                assert solver.standing[name, challenge["token"]] == expected
        return None

    def _authz(self, payload: Json | None, account: str, number: str) -> Answered:
        assert payload is None
        found = self.authorizations[int(number)]
        shown = {key: value for key, value in found.items() if key not in {"verdict", "polls"}}
        if "verdict" in found:
            found["polls"] -= 1
            if found["polls"] < 0:
                error = found["verdict"]
                shown["status"] = found["status"] = "invalid" if error else "valid"
                if error:
                    tried = {"status": "invalid", "error": error}
                    shown["challenges"] = [one | tried for one in found["challenges"]]
        return Answered(200, shown, list(self.poll_headers))

    def _finalize(self, payload: Json | None, account: str, number: str) -> Answered:
        assert payload is not None
        order = self.orders[int(number)]
        if order["status"] == "valid":
            return problem("orderNotReady", 403)
        self._refuse_at("finalize", order["identifiers"])
        proved = [int(url.rpartition("/")[2]) for url in order["authorizations"]]
        if any(self.authorizations[at]["status"] != "valid" for at in proved):
            return problem("orderNotReady", 403)
        order["status"] = "valid"
        order["certificate"] = f"{self.base}/cert/{len(self.chains)}"
        self.chains.append(self._issue(payload["csr"], order["identifiers"]))
        return Answered(200, self._shown(order))

    def _cert(self, payload: Json | None, account: str, number: str, way: str = "") -> Answered:
        links = [("Link", f'<{self.base}/dir>;rel="index"')]
        chain = self.rechain(self.chains[int(number)])
        if self.alternate and not way:
            links.append(("Link", f'<{self.base}/cert/{number}/other>;rel="alternate"'))
            return Answered(200, chain + _cross_signed(ISSUING_ROOT, OTHER_ROOT).pem, links)
        return Answered(200, chain, links)

    def _ari(self, payload: Json | None, account: str, identifier: str = "") -> Answered:
        return self.window or problem("malformed", 404)

    def _issue(self, csr: str, identifiers: list[Json]) -> bytes:
        request = x509.load_der_x509_csr(_decode(csr))
        assert request.is_signature_valid
        asked = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        named = {*asked.get_values_for_type(x509.DNSName)}
        named |= {str(one) for one in asked.get_values_for_type(x509.IPAddress)}
        assert named == {one["value"] for one in identifiers}
        now = datetime.now(UTC)
        issuer = ISSUER.certificate
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(issuer.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=6))
            .add_extension(asked, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ISSUER.key.public_key()), False
            )
        )
        leaf = self.shape(builder).sign(ISSUER.key, SHA256())
        return leaf.public_bytes(Encoding.PEM) + ISSUER.pem


def names_of(chain_pem: bytes) -> set[str]:
    leaf = x509.load_pem_x509_certificate(chain_pem)
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    hosts = found.get_values_for_type(x509.DNSName)
    return {*hosts, *map(str, found.get_values_for_type(x509.IPAddress))}


def identifier(name: str) -> Json:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return {"type": "dns", "value": name}
    return {"type": "ip", "value": name}


def _cross_signed(whose: Made, by: Made) -> Made:
    certificate = (
        x509.CertificateBuilder()
        .subject_name(whose.certificate.subject)
        .issuer_name(by.certificate.subject)
        .public_key(whose.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(whose.certificate.not_valid_before_utc)
        .not_valid_after(whose.certificate.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(by.key, SHA256())
    )
    return Made(certificate, whose.key)


def _decode(text: str) -> bytes:
    assert "=" not in text, "RFC 7515 §2: without padding"
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _thumbprint(jwk: Json) -> str:
    text = json.dumps({key: jwk[key] for key in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def _check_signature(jwk: Json, jws: Json) -> None:
    x, y = (int.from_bytes(_decode(jwk[part])) for part in "xy")
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    raw = _decode(jws["signature"])
    assert len(raw) == 64
    signature = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    try:
        signed = f"{jws['protected']}.{jws['payload']}".encode()
        key.verify(signature, signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise _Refusing(problem("malformed")) from None
