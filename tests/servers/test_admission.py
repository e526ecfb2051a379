"""Who may connect, at each limit and one beyond."""

import pytest

from mailclad.servers.admission import Admission, Limits


def admit(admission: Admission, peer: str = "192.0.2.1", *, sign_in: bool = False) -> str | None:
    return admission.refusal(peer, handshake=True, sign_in=sign_in)


def test_all_connections_together() -> None:
    admission = Admission(Limits(connections=2))
    assert admit(admission, "192.0.2.1") is None
    assert admit(admission, "192.0.2.2") is None
    assert "2 connections" in (admit(admission, "192.0.2.3") or "")
    admission.left("192.0.2.1")
    assert admit(admission, "192.0.2.3") is None


def test_one_address() -> None:
    admission = Admission(Limits(per_address=2))
    assert [admit(admission) is None for _ in range(3)] == [True, True, False]
    assert admission.from_address("192.0.2.1") == 2
    assert admit(admission, "192.0.2.2") is None
    admission.left("192.0.2.1")
    assert admit(admission) is None


def test_an_ipv6_network_is_one_address() -> None:
    """Whoever has one address there has 18 quintillion."""
    admission = Admission(Limits(per_address=2))
    assert admit(admission, "2001:db8::1") is None
    assert admit(admission, "2001:db8::2:1") is None
    assert admit(admission, "2001:db8::3") is not None
    assert admit(admission, "2001:db8:0:1::1") is None
    assert admit(admission, "fe80::1%eth0") is None


def test_loopback_and_unix_sockets_are_not_counted_by_address() -> None:
    admission = Admission(Limits(per_address=1))
    for peer in ("127.0.0.1", "127.3.2.1", "::1", ""):
        assert [admit(admission, peer) for _ in range(3)] == [None] * 3
        assert admission.from_address(peer) == 0
        admission.left(peer)
    counting = Admission(Limits(per_address=1, counts_loopback=True))
    for peer in ("127.0.0.1", "::1"):
        assert [admit(counting, peer) is None for _ in range(2)] == [True, False]


def test_handshakes_under_way() -> None:
    admission = Admission(Limits(handshakes=1))
    assert admit(admission) is None
    assert "handshakes" in (admit(admission) or "")
    assert admission.refusal("192.0.2.1", handshake=False, sign_in=False) is None
    admission.handshakes -= 1
    assert admit(admission) is None


def test_connections_that_have_not_signed_in() -> None:
    admission = Admission(Limits(not_signed_in=1))
    assert admit(admission, sign_in=True) is None
    assert "signed in" in (admit(admission, sign_in=True) or "")
    assert admit(admission, sign_in=False) is None


def test_a_refusal_counts_nothing_and_all_goes_back_to_nothing() -> None:
    admission = Admission(Limits(connections=1))
    admit(admission)
    for _ in range(5):
        admit(admission)
    assert (admission.connections, admission.handshakes) == (1, 1)
    admission.left("192.0.2.1")
    assert admission.connections == 0
    assert admission.from_address("192.0.2.1") == 0


@pytest.mark.parametrize("field", ["connections", "per_address", "handshakes", "not_signed_in"])
def test_every_limit_is_finite(field: str) -> None:
    assert 0 < getattr(Limits(), field) <= 20_000
