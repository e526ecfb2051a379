"""The tree walk, with the standard's own examples."""

import asyncio

import pytest

from mailclad.mail.dmarc.tree_walk import MAX_QUERIES, Walker, walked_names
from tests.mail.dmarc.fake_resolver import FakeResolver


def organizational_domain(domain: str, **records: str) -> str:
    texts = {f"_dmarc.{name.replace('_', '.')}": [text] for name, text in records.items()}
    return asyncio.run(Walker(FakeResolver(texts)).organizational_domain(domain))


@pytest.mark.rfc("9989", "4.10")
def test_a_long_name_costs_eight_queries() -> None:
    resolver = FakeResolver()
    asyncio.run(Walker(resolver).walk("a.b.c.d.e.f.g.h.i.j.mail.example.com"))
    assert resolver.asked == [
        "_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com",
        "_dmarc.g.h.i.j.mail.example.com",
        "_dmarc.h.i.j.mail.example.com",
        "_dmarc.i.j.mail.example.com",
        "_dmarc.j.mail.example.com",
        "_dmarc.mail.example.com",
        "_dmarc.example.com",
        "_dmarc.com",
    ]


@pytest.mark.rfc("9989", "5.1.8")
def test_a_zone_cut_can_be_too_deep() -> None:
    names = walked_names("mail.a.b.c.d.e.f.g.example.com")
    assert names[1] == "c.d.e.f.g.example.com"
    assert len(names) == MAX_QUERIES


@pytest.mark.parametrize("labels", range(1, 40))
def test_no_name_costs_more(labels: int) -> None:
    names = walked_names(".".join("abcdefgh"[number % 8] for number in range(labels)))
    assert len(names) == min(labels, MAX_QUERIES)


@pytest.mark.rfc("9989", "4.10.2")
def test_organizational_domains_of_the_standard() -> None:
    plain, below = "v=DMARC1; p=none", "v=DMARC1; p=none; psd=n"
    domain = "a.mail.example.com"
    assert (
        organizational_domain(domain, mail_example_com=plain, example_com=plain) == "example.com"
    )
    assert organizational_domain(domain, mail_example_com=below, example_com=plain) == (
        "mail.example.com"
    )
    assert organizational_domain(domain, com="v=DMARC1; psd=y") == "example.com"
    assert organizational_domain("mail.example.com", example_com="v=DMARC1; psd=y") == (
        "mail.example.com"
    )
    assert organizational_domain(domain) == domain


def test_a_public_suffix_is_its_own_organization() -> None:
    assert organizational_domain("bank", bank="v=DMARC1; psd=y") == "bank"


def test_below_a_suffix_a_long_name_is_cut_to_one_label_more() -> None:
    name = "a.b.c.d.e.f.g.h.i.example.com"
    assert organizational_domain(name, com="v=DMARC1; psd=y") == "example.com"


@pytest.mark.parametrize(
    "name", ["a..example.com", "x" * 64 + ".com", ".".join(["abcdef"] * 36), "é.com"]
)
def test_what_dns_cannot_hold_is_not_asked(name: str) -> None:
    resolver = FakeResolver()
    asyncio.run(Walker(resolver).walk(name))
    assert f"_dmarc.{name}" not in resolver.asked


@pytest.mark.parametrize("suffix", ["y", "n"])
def test_the_walk_ends_where_a_record_says_so(suffix: str) -> None:
    resolver = FakeResolver({"_dmarc.co.uk": [f"v=DMARC1; psd={suffix}"]})
    found = asyncio.run(Walker(resolver).walk("a.co.uk"))
    assert [published.domain for published in found] == ["co.uk"]
    assert resolver.asked == ["_dmarc.a.co.uk", "_dmarc.co.uk"]


def test_two_walks_ask_a_shared_name_once() -> None:
    resolver = FakeResolver()
    walker = Walker(resolver)

    async def both() -> None:
        await walker.walk("a.example.com")
        await walker.walk("b.example.com")

    asyncio.run(both())
    assert resolver.asked.count("_dmarc.example.com") == 1
