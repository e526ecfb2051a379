"""The file that init writes is read by the server and says what the comments promise."""

import re
from pathlib import Path

import pytest

from mailclad.app.config import parse_config
from mailclad.app.config_write import FirstConfig, config_text
from mailclad.app.settings.acme import AcmeConfig
from mailclad.app.settings.listen import DEFAULT_LISTEN

FILE = Path("/etc/mailclad/mailclad.toml")


@pytest.mark.parametrize("pem", [None, Path('/etc/ssl/it\'s "here".pem')])
@pytest.mark.parametrize("user", ["", "mailclad"])
def test_what_is_written_is_read_back(pem: Path | None, user: str) -> None:
    text = config_text(FirstConfig("mail.example.org", Path("/var/lib/mailclad"), user, pem, pem))
    config = parse_config(text, FILE)
    assert config.server.hostname == "mail.example.org"
    assert config.server.data == Path("/var/lib/mailclad")
    assert config.server.user == user
    assert config.tls.private_ca is (pem is None)
    assert (config.tls.certificate, config.tls.key) == (pem, pem)
    assert config.listen == DEFAULT_LISTEN


def test_a_public_authority_is_one_line() -> None:
    text = config_text(FirstConfig("mail.example.org", Path("/m"), "", acme=True))
    config = parse_config(text, FILE)
    assert config.acme == AcmeConfig()
    assert config.tls.rival_of_acme == ""
    assert "terms of service" in text


def test_what_is_commented_out_works_when_it_is_switched_on() -> None:
    pem = Path("/etc/ssl/mail.pem")
    text = config_text(FirstConfig("mail.example.org", Path("/m"), "", pem, pem))
    config = parse_config(re.sub(r"(?m)^# (?=\[\[|\w+ = )", "", text), FILE)
    assert [line.port for line in config.listen] == [993, 995, 465, 587, 25, 443, 80, 143]
    assert [(route.domain, route.port) for route in config.deliver.route] == [("*", 465)]
    assert config.dns.servers == ("127.0.0.1",)
    assert config.server.user == "mailclad"
