"""PKIX faults to the result types of RFC 8460."""

import pytest

from mailclad.mail.tls_verdict import (
    Authentication,
    ChainFault,
    Failure,
    describe,
    judge_pkix,
)
from tests.certificates import make

LEAF = make("x", ["mail.test", *(f"n{i}.test" for i in range(200))]).der


@pytest.mark.rfc("8460", "4.3.1")
@pytest.mark.parametrize(
    ("faults", "names", "failure"),
    [
        ([], ["mail.test"], None),
        ([], ["other.test"], Failure.HOST_MISMATCH),
        ([], [], Failure.HOST_MISMATCH),
        ([(10, 0)], ["mail.test"], Failure.EXPIRED),
        ([(10, 1)], ["other.test"], Failure.EXPIRED),
        ([(9, 0)], ["mail.test"], Failure.NOT_TRUSTED),
        ([(20, 0), (21, 0)], ["mail.test"], Failure.NOT_TRUSTED),
        ([(10, 0), (19, 1)], ["mail.test"], Failure.NOT_TRUSTED),
        ([(4711, 0)], ["mail.test"], Failure.NOT_TRUSTED),
    ],
)
def test_verdicts(
    faults: list[tuple[int, int]], names: list[str], failure: Failure | None
) -> None:
    verdict = judge_pkix([LEAF], [ChainFault(*fault) for fault in faults], names)
    assert verdict.failure is failure
    passed = verdict.authentication is Authentication.PKIX
    assert passed is (failure is None)
    assert verdict.chain == (LEAF,)
    assert len(verdict.reason) < 300


def test_no_certificate() -> None:
    assert judge_pkix([], [], ["mail.test"]).failure is Failure.VALIDATION


def test_words() -> None:
    assert (
        describe(ChainFault(10, 1)) == "a certificate has expired (verify code 10, certificate 1)"
    )
