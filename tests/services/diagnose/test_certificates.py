"""Each certificate of the zoo gives its findings and no others."""

import pytest

from tests.services.diagnose.seen import ask_and_judge, evidence, host, port, zoo


@pytest.mark.parametrize("name", list(zoo().certificates))
def test_a_certificate_of_the_zoo_gives_just_its_findings(name: str) -> None:
    found = ask_and_judge(evidence(host(port(name))))
    assert [(one.rule, one.id) for one in found] == list(zoo().certificates[name].finds)
