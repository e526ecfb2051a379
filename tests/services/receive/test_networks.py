"""Networks around addresses, and who is a stranger."""

import pytest

from mailclad.services.receive.guard import Client, Guard, Visit
from mailclad.services.receive.networks import HOST_BITS, NEIGHBOUR_BITS, Networks, network_of
from mailclad.services.receive.strangers import ForStrangers

OWN = Networks(["192.0.2.0/24", "2001:db8::/32", "127.0.0.1"])


@pytest.mark.parametrize(
    ("address", "host", "neighbours"),
    [
        ("192.0.2.7", "192.0.2.7/32", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.7/32", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/48"),
        ("", "", ""),
    ],
)
def test_network_of(address: str, host: str, neighbours: str) -> None:
    assert network_of(address, HOST_BITS) == host
    assert network_of(address, NEIGHBOUR_BITS) == neighbours


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("192.0.2.255", True),
        ("::ffff:192.0.2.1", True),
        ("2001:db8::7", True),
        ("127.0.0.1", True),
        ("127.0.0.2", False),
        ("192.0.3.1", False),
        ("", False),
    ],
)
def test_whether_an_address_is_in_one_of_them(address: str, own: bool) -> None:
    assert (address in OWN) is own


class Watch(Guard):
    def meet(self, client: Client) -> Visit:
        return WatchVisit()


class WatchVisit(Visit):
    pass


@pytest.mark.parametrize(
    ("peer", "met"), [("198.51.100.1", True), ("192.0.2.1", False), ("", False)]
)
def test_own_clients_are_not_met(peer: str, met: bool) -> None:
    visit = ForStrangers(Watch(), OWN).meet(Client(peer, 25, "mx.test"))
    assert isinstance(visit, WatchVisit) is met


def test_a_network_that_is_none() -> None:
    with pytest.raises(ValueError, match=r"192\.0\.2\.1/24"):
        Networks(["192.0.2.1/24"])
