from hypothesis import given
from hypothesis import strategies as st

from mailclad.engines.dns.cache import ENTRY_OCTETS, Cache


def test_an_entry_holds_for_its_time() -> None:
    cache: Cache[str, str] = Cache(10, 100_000)
    cache.put("a", "1", 100.0, 30, 5)
    assert cache.get("a", 100.0) == ("1", 30)
    assert cache.get("a", 129.5) == ("1", 0)
    assert cache.get("a", 130.0) is None
    assert len(cache) == 0


def test_what_holds_for_no_time_replaces_what_did() -> None:
    cache: Cache[str, str] = Cache(10, 100_000)
    cache.put("a", "1", 100.0, 30, 5)
    cache.put("a", "2", 101.0, 0, 5)
    assert cache.get("a", 101.0) is None


def test_the_least_used_goes_first() -> None:
    cache: Cache[str, str] = Cache(2, 100_000)
    cache.put("a", "1", 0.0, 30, 5)
    cache.put("b", "2", 0.0, 30, 5)
    cache.get("a", 1.0)
    cache.put("c", "3", 2.0, 30, 5)
    assert cache.get("b", 2.0) is None
    assert cache.get("a", 2.0) is not None


def test_what_is_larger_than_all_room_is_not_kept() -> None:
    cache: Cache[str, str] = Cache(2, 1000)
    cache.put("a", "1", 0.0, 30, 1000)
    assert len(cache) == 0


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3000), st.integers(0, 9))))
def test_both_limits_hold_whatever_comes(puts: list[tuple[int, int, int]]) -> None:
    cache: Cache[int, int] = Cache(8, 10_000)
    sizes = {}
    for now, (key, octets, seconds) in enumerate(puts):
        cache.put(key, octets, float(now), seconds, octets)
        sizes[key] = octets
        held = [one for one in sizes if one in cache._entries]
        assert len(cache) <= 8
        total = sum(sizes[one] + ENTRY_OCTETS for one in held)
        assert total == cache._octets
        assert total <= 10_000
