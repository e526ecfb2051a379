"""What a domain's records say follows from the configuration."""

import pytest

from mailclad.app.domain_facts import _report_address, public_addresses
from mailclad.servers.outbound import is_public


@pytest.mark.parametrize(
    ("names", "address"),
    [
        (("dmarc", "tlsrpt"), "dmarc@a.test"),
        (("tlsrpt",), "tlsrpt@a.test"),
        (("x@b.test", "y@a.test"), "y@a.test"),
        (("x@b.test",), ""),
        ((), ""),
    ],
)
def test_reports_stay_in_the_domain(names: tuple[str, ...], address: str) -> None:
    assert _report_address(names, "dmarc", "a.test") == address


def test_only_public_addresses_are_published() -> None:
    assert all(map(is_public, public_addresses()))
