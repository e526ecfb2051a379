"""EXTERNAL (RFC 4422 appendix A)."""

import pytest

from mailclad.protocols.sasl.external import parse_external
from mailclad.protocols.sasl.problem import SaslProblem


def test_external() -> None:
    assert parse_external(b"") == ""
    assert parse_external(b"ada@example.org") == "ada@example.org"
    for broken in (b"a\0b", b"\xff"):
        with pytest.raises(SaslProblem):
            parse_external(broken)
