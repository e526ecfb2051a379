"""The messages printed in RFC 6376 appendix A and RFC 8463 appendix A."""

import pytest

from mailclad.mail.dkim.outcome import Outcome
from mailclad.mail.dkim.verify import verify_dkim
from tests.mail.dkim.fake import NOW, FakeResolver, run, verify

LETTER = """\
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
"""

# Printed otherwise than signed: the signature is over six blanks before continued lines and
# one between the sentences of the body, and its form is simple/simple.
RFC_6376 = """\
DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
      c=simple/simple; q=dns/txt; i=joe@football.example.com;
      h=Received : From : To : Subject : Date : Message-ID;
      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
      4bmp/YzhwvcubU4=;
Received: from client1.football.example.com  [192.0.2.1]
      by submitserver.example.com with SUBMISSION;
      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
"""

RFC_6376_KEY = (
    b"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ"
    b"KBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"
    b"IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v"
    b"/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi"
    b"tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"
)

RFC_8463 = """\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
"""

RFC_8463_KEYS = FakeResolver(
    {
        "brisbane._domainkey.football.example.com": [
            b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
        ],
        "test._domainkey.football.example.com": [
            (
                b"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
                b"iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
                b"DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"
                b"Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
            )
        ],
    }
)


def octets(text: str, line_end: bytes = b"\r\n") -> bytes:
    return text.encode().replace(b"\n", line_end)


@pytest.mark.rfc("6376", "A.2")
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_the_example_of_rfc_6376(line_end: bytes) -> None:
    dns = FakeResolver({"brisbane._domainkey.example.com": [RFC_6376_KEY]})
    result = verify(octets(RFC_6376 + LETTER.replace("game.  ", "game. "), line_end), dns)

    assert result.outcome is Outcome.PASS, result.problem
    assert (result.domain, result.selector) == ("example.com", "brisbane")
    assert result.identity == "joe@football.example.com"
    assert (result.algorithm, result.key_bits) == ("rsa-sha256", 1024)
    assert result.whole
    assert result.signature == "AuUoFEfDxTDk"


@pytest.mark.rfc("8463", "A.3")
def test_the_example_of_rfc_8463() -> None:
    results = run(verify_dkim(octets(RFC_8463 + LETTER), RFC_8463_KEYS, NOW))

    assert [(one.outcome, one.problem) for one in results] == [(Outcome.PASS, "")] * 2
    assert [one.algorithm for one in results] == ["ed25519-sha256", "rsa-sha256"]
    assert [one.key_bits for one in results] == [256, 1024]


@pytest.mark.parametrize("place", range(0, len(RFC_8463 + LETTER), 7))
def test_no_octet_can_be_another(place: int) -> None:
    message = octets(RFC_8463 + LETTER)
    letter = message.index(b"From: Joe")
    spoiled = message[:place] + bytes([message[place] ^ 0x21]) + message[place + 1 :]
    results = run(verify_dkim(spoiled, RFC_8463_KEYS, NOW))

    # Each signature covers the letter and itself, but not the other one.
    passed = [one.selector for one in results if one.outcome is Outcome.PASS]
    assert len(passed) <= (place < letter)
