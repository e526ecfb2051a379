"""Where the zoo lies: its recipes speak of ``mail.test``, its servers are at other names.

RFC 6761 §6.3: names below ``localhost`` lead to this computer everywhere, and nobody else can
have them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cryptography import x509

from mailclad.testing.zoo.forge import Order

HOST = "mail.test"
HERE = "http://ca.mail.test"
_TOP = ".test"


@dataclass(frozen=True, slots=True)
class Names:
    """``host`` stands for ``mail.test``, ``top`` for the top-level domain, ``published`` for the
    place where the certificates' URLs lead."""

    host: str = HOST
    top: str = "test"
    published: str = HERE

    def of(self, name: str) -> str:
        if name.endswith(HOST):  # the host, www.mail.test, postmaster@mail.test
            return name.removesuffix(HOST) + self.host
        return name.removesuffix(_TOP) + f".{self.top}" if name.endswith(_TOP) else name

    def url(self, url: str) -> str:
        return url.replace(HERE, self.published)

    def order(self, order: Order) -> Order:
        common = order.common_name
        return replace(
            order,
            common_name=None if common is None else self.of(common),
            names=tuple(map(self.of, order.names)),
            mailboxes=tuple(map(self.of, order.mailboxes)),
            issuer_url=self.url(order.issuer_url),
            crl_url=self.url(order.crl_url),
            extensions=tuple((self._extension(one), it) for one, it in order.extensions),
        )

    def _extension(self, one: x509.ExtensionType) -> x509.ExtensionType:
        if not isinstance(one, x509.NameConstraints):
            return one
        return x509.NameConstraints(
            self._subtrees(one.permitted_subtrees), self._subtrees(one.excluded_subtrees)
        )

    def _subtrees(self, names: Iterable[x509.GeneralName] | None) -> list[x509.DNSName] | None:
        if names is None:
            return None
        return [x509.DNSName(self.of(one.value)) for one in names if isinstance(one, x509.DNSName)]
