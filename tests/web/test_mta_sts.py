"""Each domain's policy at its own host, and nothing at hosts that are not ours."""

import pytest
from starlette.applications import Starlette

from mailclad.app.settings.mta_sts import MAX_AGE, MtaStsConfig
from mailclad.mail.mta_sts import StsMode, parse_policy, write_record
from mailclad.web.mta_sts import with_policies
from tests.web import asking

PATH = "/.well-known/mta-sts.txt"
CONFIG = MtaStsConfig(mode=StsMode.ENFORCE)


async def domains() -> list[str]:
    return ["example.org", "example.net"]


def get(host: str, path: str = PATH) -> tuple[int, str, bytes]:
    application = with_policies(
        Starlette(), domains, lambda domain: CONFIG.policy(domain, "Mail.example.org")
    )
    status, headers, body = asking.get(application, path, host)
    return status, headers["content-type"], body


@pytest.mark.rfc(8461, "3.2")
@pytest.mark.parametrize("host", ["mta-sts.example.org", "MTA-STS.Example.ORG.:443"])
def test_the_policy_of_a_domain(host: str) -> None:
    status, media_type, body = get(host)
    assert (status, media_type) == (200, "text/plain; charset=utf-8")
    policy = parse_policy(body, "example.org", "1")
    assert (policy.mode, policy.mx) == (StsMode.ENFORCE, ("mail.example.org",))
    assert policy.max_age == MAX_AGE[StsMode.ENFORCE]
    assert body.count(b"\r\n") == 4


@pytest.mark.parametrize(
    ("host", "path", "status"),
    [
        ("mta-sts.example.org", "/", 404),
        ("mta-sts.example.org", PATH + "/", 404),
        ("mta-sts.example.com", PATH, 421),
        ("mta-sts.mta-sts.example.org", PATH, 421),
        ("mta-sts.", PATH, 404),
        ("mta-sts..", PATH, 421),
        ("example.org", PATH, 404),
        ("192.0.2.1", PATH, 404),
        ("", PATH, 404),
        ("\x00[", PATH, 404),
    ],
)
def test_nothing_elsewhere(host: str, path: str, status: int) -> None:
    assert get(host, path)[0] == status


def test_another_mode_is_another_id() -> None:
    records = {
        write_record(MtaStsConfig(mode=mode).policy("a.test", "m.test")) for mode in StsMode
    }
    assert len(records) == len(StsMode)
