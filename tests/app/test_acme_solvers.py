"""Which challenges an installation can answer, and hooks that write into the DNS."""

import asyncio
from pathlib import Path

import pytest

from mailclad.app.acme_hooks import HookRecords
from mailclad.app.acme_solvers import make_solvers
from mailclad.app.settings.acme_dns import AcmeDnsConfig
from mailclad.app.settings.listen import DEFAULT_LISTEN, ListenConfig
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.engines.dns.resolver import DnsResolver
from mailclad.hooks import Hooks
from mailclad.servers.https_client import HttpsClient
from mailclad.servers.tls import ClientTrust
from mailclad.services.certificates.acme.challenge import ChallengeKind, SolverProblem
from tests.services.certificates.acme.keeping import KeptHere, SetClock

HTTP, TLS, DNS = ChallengeKind.HTTP, ChallengeKind.TLS_ALPN, ChallengeKind.DNS
MAIL_ONLY = tuple(line for line in DEFAULT_LISTEN if line.service not in {"http", "https"})
WEB = ListenConfig(service=Service.HTTPS, tls=TlsMode.IMPLICIT, port=443)
NOBODY = AcmeDnsConfig()
COMMAND = AcmeDnsConfig(command=("/bin/true",))
UPDATES = AcmeDnsConfig(server="192.0.2.53", key=Path("/etc/tsig.key"))


def kinds(
    listen: tuple[ListenConfig, ...], dns: AcmeDnsConfig, hooks: tuple[Hooks, ...] = ()
) -> set[ChallengeKind]:
    resolver = DnsResolver([("127.0.0.1", 9)])
    trust = ClientTrust()
    https = HttpsClient(resolver, trust, permits=lambda _: True)
    made = make_solvers(
        listen, dns, hooks,
        store=KeptHere(), clock=SetClock(), resolver=resolver, https=https,
        trust=trust, tell=lambda _, __: None,
    )  # fmt: skip
    assert all(solver.kind is kind for kind, solver in made.items())
    return set(made)


def test_ports_and_settings_say_what_is_possible() -> None:
    assert kinds(DEFAULT_LISTEN, NOBODY) == {HTTP, TLS}
    assert kinds((WEB,), COMMAND) == {TLS, DNS}
    assert kinds(MAIL_ONLY, UPDATES) == {DNS}
    assert kinds(MAIL_ONLY, NOBODY) == set()


def test_a_hook_writes_where_the_settings_name_nobody() -> None:
    hooks, told = Hooks(), []

    @hooks.dns_challenge
    async def write(action: str, name: str, value: str) -> None:
        told.append((action, name, value))

    assert kinds(MAIL_ONLY, NOBODY, (hooks,)) == {DNS}
    assert hooks.guards() == ()

    async def run() -> None:
        records = HookRecords(hooks.dns_challenges())
        await records.present("_acme-challenge.a.test", "x")
        await records.withdraw("_acme-challenge.a.test", "x")

    asyncio.run(run())
    assert told == [(one, "_acme-challenge.a.test", "x") for one in ("present", "withdraw")]


def test_hooks_that_fail_or_hang_are_told_of() -> None:
    hooks, slow = Hooks(), Hooks()

    @hooks.dns_challenge
    async def fails(action: str, name: str, value: str) -> None:
        raise KeyError("token")

    @slow.dns_challenge
    async def hangs(action: str, name: str, value: str) -> None:
        await asyncio.Event().wait()

    with pytest.raises(SolverProblem, match=r"fails, present n, failed: KeyError: 'token'"):
        asyncio.run(HookRecords(hooks.dns_challenges()).present("n", "v"))
    with pytest.raises(SolverProblem, match=r"hangs, withdraw n, took more than 0\.01 seconds"):
        asyncio.run(HookRecords(slow.dns_challenges(), 0.01).withdraw("n", "v"))


@pytest.mark.parametrize(
    ("dns", "key", "words"),
    [
        (AcmeDnsConfig(server="ns.a.test", key=Path("/k")), "server", "is not an IP address"),
        (AcmeDnsConfig(server="192.0.2.1"), "server", "needs acme.dns.key beside it"),
        (AcmeDnsConfig(key=Path("/k")), "key", "needs acme.dns.server beside it"),
        (AcmeDnsConfig(command=("hook",)), "command", "needs the whole path"),
        (
            AcmeDnsConfig(server="192.0.2.1", key=Path("/k"), command=("/h",)),
            "command",
            "one of the two writes the records",
        ),
    ],
)
def test_settings_that_contradict_each_other(dns: AcmeDnsConfig, key: str, words: str) -> None:
    ((path, text),) = dns.wrong()
    assert path[0] == key
    assert words in text


def test_settings_that_are_right() -> None:
    for dns in (NOBODY, COMMAND, UPDATES):
        assert list(dns.wrong()) == []
