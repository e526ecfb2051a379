"""DKIM keys from the command line: made, published, activated, retired, removed."""

import pytest

from tests.cli.running import Cli


def states(of: Cli) -> dict[str, str]:
    return {
        key["selector"]: key["state"] for key in of.json("domain", "key", "example.org", "list")
    }


@pytest.mark.slow
def test_keys_are_made_with_the_domain_and_changed_one_after_the_other(cli: Cli) -> None:
    said = cli("domain", "add", "Example.org")
    assert "mailclad domain key example.org list" in said
    first = states(cli)
    assert sorted(name[-1] for name in first) == ["e", "r"]
    assert set(first.values()) == {"active"}

    said = cli("domain", "key", "example.org", "new")
    assert 'IN TXT "v=DKIM1; k=rsa; h=sha256; p=' in said
    made = states(cli).keys() - first
    assert [states(cli)[name] for name in made] == ["prepared"] * 2
    assert f"activate {' '.join(sorted(made, key=said.index))}" in said

    cli("domain", "key", "example.org", "activate", *made)
    cli("domain", "key", "EXAMPLE.org", "retire", *first)
    assert states(cli) == dict.fromkeys(made, "active") | dict.fromkeys(first, "retired")

    cli("domain", "key", "example.org", "remove", *first)
    assert states(cli).keys() == made
    assert "no key with the selector" in cli(
        "domain", "key", "example.org", "retire", "m20200101r", status=1
    )


@pytest.mark.slow
def test_a_domain_that_is_not_here_has_no_keys(cli: Cli) -> None:
    assert "not a domain of this server" in cli("domain", "key", "far.example", "list", status=1)


@pytest.mark.slow
def test_a_domain_goes_with_its_keys(cli: Cli) -> None:
    cli("domain", "add", "example.org")
    cli("domain", "remove", "example.org")
    assert cli.json("domain", "list") == []
