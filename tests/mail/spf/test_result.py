"""The words for what an SPF check ends with (RFC 7208 §2.6, RFC 8601 §2.7.2)."""

from mailclad.mail.spf.result import SpfOutcome


def test_the_words_are_those_of_the_header_fields() -> None:
    assert {outcome.value for outcome in SpfOutcome} == {
        "none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"
    }  # fmt: skip
    assert f"spf={SpfOutcome.PASS}" == "spf=pass"
