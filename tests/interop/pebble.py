"""Pebble, Let's Encrypt's authority for tests, with the small DNS and web of its companion.

    with Pebble(folder) as pebble:
        client = AcmeClient(pebble.configured(), pebble.https(), [pebble.solver(kind)], …)

Names lead to 127.0.0.1, where the companion (pebble-challtestsrv) answers what a solver gives it.
"""

import contextlib
import json
import os
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.x509.oid import NameOID

from mailclad.base.https import Https
from mailclad.protocols.acme.jws import encode_base64url
from mailclad.servers.https_client import HttpsClient
from mailclad.servers.tls import ClientTrust
from mailclad.services.certificates.acme.account import Authority
from mailclad.services.certificates.acme.challenge import Challenge, ChallengeKind
from tests.certificates import make
from tests.dns.fake import FakeResolver
from tests.interop.neighbours import until
from tests.ports import free_ports

HOST = "pebble.test"
ROOT = make("web root", authority=True)


@dataclass
class CompanionSolver:
    """Gives answers to the companion, by its management interface."""

    kind: ChallengeKind
    management: int

    def can(self, name: str) -> bool:
        return self.kind is ChallengeKind.DNS or not name.startswith("*.")

    async def present(self, challenge: Challenge) -> None:
        proof = challenge.key_authorization
        match self.kind:
            case ChallengeKind.HTTP:
                self._tell("add-http01", token=challenge.token, content=proof)
            case ChallengeKind.TLS_ALPN:
                self._tell("add-tlsalpn01", host=challenge.name, content=proof)
            case ChallengeKind.DNS:
                digest = encode_base64url(sha256(proof.encode()).digest())
                self._tell("set-txt", host=f"_acme-challenge.{challenge.name}.", value=digest)

    async def withdraw(self, challenge: Challenge) -> None:
        match self.kind:
            case ChallengeKind.HTTP:
                self._tell("del-http01", token=challenge.token)
            case ChallengeKind.TLS_ALPN:
                self._tell("del-tlsalpn01", host=challenge.name)
            case ChallengeKind.DNS:
                self._tell("clear-txt", host=f"_acme-challenge.{challenge.name}.")

    def _tell(self, what: str, **values: object) -> None:
        _post(f"http://127.0.0.1:{self.management}/{what}", values)


class Pebble:
    """``settings`` are its environment's, ``bound`` the keys of its customers by key id.

    ``ours`` are the ports for http and TLS where a server of ours answers, not the companion.
    """

    def __init__(
        self,
        folder: Path,
        *,
        bound: Mapping[str, str] | None = None,
        ours: tuple[int, int] | None = None,
        **settings: object,
    ) -> None:
        self._folder = folder
        self._bound = bound or {}
        self._environment = {
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_WFE_NONCEREJECT": "0",
            "PEBBLE_AUTHZREUSE": "0",
        }
        self._environment |= {f"PEBBLE_{name}": str(value) for name, value in settings.items()}
        self._stack = contextlib.ExitStack()
        self._port, self.managed, self.companion, *ports = free_ports(6)
        self.http_port, self.tls_port, self.dns_port = ports
        self._ours = ours is not None
        if ours is not None:
            self.http_port, self.tls_port = ours
        (folder / "web-root.pem").write_bytes(ROOT.pem)

    def __enter__(self) -> Self:
        web, tls, dns = self.http_port, self.tls_port, self.dns_port
        companion = [
            "pebble-challtestsrv",
            *("-dns01", f"127.0.0.1:{dns}"),
            *("-http01", "" if self._ours else f"127.0.0.1:{web}"),
            *("-tlsalpn01", "" if self._ours else f"127.0.0.1:{tls}"),
            *("-https01", "", "-defaultIPv6", ""),
            *("-management", f"127.0.0.1:{self.companion}"),
        ]
        try:
            self._start(companion, {})
            pebble = ["pebble", "-strict", "-config", str(self._write_config(web, tls))]
            self._start([*pebble, "-dnsserver", f"127.0.0.1:{dns}"], self._environment)
            for port in (self._port, self.companion):
                until(partial(_listens, port), f"a server at port {port}")
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def configured(self, **more: Any) -> Authority:
        return replace(Authority("Pebble", f"https://{HOST}:{self._port}/dir"), **more)

    @property
    def trusted(self) -> Path:
        """What certifies its own web server."""
        return self._folder / "web-root.pem"

    def https(self) -> Https:
        trust = ClientTrust(self.trusted)
        names = FakeResolver({(HOST, "A"): ["127.0.0.1"]})
        return HttpsClient(names, trust, permits=lambda _: True)

    def solver(self, kind: ChallengeKind) -> CompanionSolver:
        return CompanionSolver(kind, self.companion)

    def move(self, name: str, address: str) -> None:
        """Make a name lead elsewhere."""
        _post(
            f"http://127.0.0.1:{self.companion}/add-a",
            {"host": f"{name}.", "addresses": [address]},
        )

    def root_name(self, at: int) -> str:
        """The common name of one of its roots."""
        context = ssl.create_default_context(cadata=ROOT.pem.decode())
        context.check_hostname = False
        url = f"https://127.0.0.1:{self.managed}/roots/{at}"
        with urllib.request.urlopen(url, timeout=10, context=context) as answer:
            root = x509.load_pem_x509_certificate(answer.read())
        (name,) = root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(name.value)

    def _write_config(self, web: int, tls: int) -> Path:
        pair = self._folder / "pair.pem"
        leaf = make(HOST, [HOST], ROOT).served()
        pair.write_bytes(leaf.chain_pem + leaf.key_pem.reveal())
        config = {
            "listenAddress": f"127.0.0.1:{self._port}",
            "managementListenAddress": f"127.0.0.1:{self.managed}",
            "certificate": str(pair),
            "privateKey": str(pair),
            "httpPort": web,
            "tlsPort": tls,
            "externalAccountBindingRequired": bool(self._bound),
            "externalAccountMACKeys": dict(self._bound),
        }
        file = self._folder / "pebble.json"
        file.write_text(json.dumps({"pebble": config}))
        return file

    def _start(self, command: list[str], environment: Mapping[str, str]) -> None:
        log = self._stack.enter_context((self._folder / f"{command[0]}.log").open("wb"))
        process = subprocess.Popen(
            command, env={**environment, "PATH": os.environ["PATH"]}, stdout=log, stderr=log
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _post(url: str, values: Mapping[str, object]) -> None:
    with urllib.request.urlopen(url, json.dumps(values).encode(), timeout=10) as answer:
        assert answer.status == 200
