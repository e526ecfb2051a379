"""The DNS questions of one SPF check, counted (RFC 7208 §4.6.4, §11.1).

Everything the check asks goes through here; what goes past a limit raises SpfProblem before the
question is asked.  DnsProblem passes through, but for names of the client (§5.5).
"""

from ipaddress import IPv4Address, IPv6Address, ip_address

from mailclad.base.resolver import DnsProblem, Mx, Resolver
from mailclad.mail.spf.macro import is_name
from mailclad.mail.spf.result import SpfProblem

TERMS = 10
"""Terms that ask DNS, over all records (RFC 7208 §4.6.4)."""
VOID_TERMS = 2
"""Terms whose questions find nothing (RFC 7208 §4.6.4)."""
MX_HOSTS = 10
"""Hosts of one ``mx`` (RFC 7208 §4.6.4)."""
PTR_NAMES = 10
"""Names of the client that are looked at (RFC 7208 §4.6.4)."""
QUESTIONS = 60
"""The limits above multiply to over 120; policies that people wrote need less than 40."""
ADDRESSES = 512
"""How many of a host's addresses are looked at; who lists so many should name networks."""


class Questions:
    """Counts for one check; every answer is without its frame: just the records."""

    def __init__(self, resolver: Resolver, client: IPv4Address | IPv6Address) -> None:
        self._resolver = resolver
        self._client = client
        self._terms = 0
        self._void_terms = 0
        self._term_is_void = False
        self._asked = 0
        self._client_names: tuple[str, ...] | None = None

    def begin_term(self) -> None:
        """A term that asks DNS is about to be evaluated."""
        self._terms += 1
        self._term_is_void = False
        if self._terms > TERMS:
            raise SpfProblem(f"it needs more than {TERMS} terms that ask DNS")

    async def txt(self, name: str) -> tuple[bytes, ...]:
        self._count()
        return (await self._resolver.txt(name)).records

    async def addresses(self, name: str, version: int) -> tuple[str, ...]:
        """At most ADDRESSES of them; none are counted as void."""
        self._count()
        found = (await self._resolver.addresses(name, version)).records
        self._note(empty=not found)
        return found[:ADDRESSES]

    async def mx_hosts(self, name: str) -> list[str]:
        self._count()
        found: tuple[Mx, ...] = (await self._resolver.mx(name)).records
        self._note(empty=not found)
        if len(found) > MX_HOSTS:
            raise SpfProblem(f"{name} has more than {MX_HOSTS} mail hosts")
        return [record.host for record in found if is_name(record.host)]

    async def client_names(self) -> tuple[str, ...]:
        """Names of the client that lead back to it (RFC 7208 §5.5), looked up once.

        Whoever connects makes these names: none of them is an error of the policy, or void.
        """
        if self._client_names is None:
            self._count()
            try:
                names = (await self._resolver.ptr(str(self._client))).records[:PTR_NAMES]
            except DnsProblem:
                names = ()
            self._client_names = tuple([name for name in names if await self._is_client(name)])
        return self._client_names

    async def client_name(self, domain: str) -> str:
        """The macro p (RFC 7208 §7.3): asking for it counts as a term."""
        if self._client_names is None:
            self.begin_term()
        names = await self.client_names()
        inside = [name for name in names if name.endswith(f".{domain}")]
        return domain if domain in names else (inside or names or ("unknown",))[0]

    async def _is_client(self, name: str) -> bool:
        if not is_name(name):
            return False
        self._count()
        try:
            found = (await self._resolver.addresses(name, self._client.version)).records
        except DnsProblem:
            return False
        return any(ip_address(address) == self._client for address in found[:ADDRESSES])

    def _count(self) -> None:
        self._asked += 1
        if self._asked > QUESTIONS:
            raise SpfProblem(f"it needs more than {QUESTIONS} questions to DNS")

    def _note(self, *, empty: bool) -> None:
        if not empty or self._term_is_void:
            return
        self._term_is_void = True
        self._void_terms += 1
        if self._void_terms > VOID_TERMS:
            raise SpfProblem(f"more than {VOID_TERMS} of its terms find nothing in DNS")
