"""curl fetches the policy of a domain of ours as any sender of mail does."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from mailclad.mail.mta_sts import write_policy
from tests.app.sts_served import HOSTS, OURS, served

pytestmark = pytest.mark.interop("curl")


def test_curl_gets_the_policy(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as server:
            done = await asyncio.to_thread(
                subprocess.run,
                [
                    "curl",
                    "--silent",
                    "--show-error",
                    "--fail",
                    "--cacert",
                    str(server.authority),
                    "--resolve",
                    f"{HOSTS[0]}:{server.port}:127.0.0.1",
                    "--write-out",
                    "%{http_code} %{content_type}",
                    f"https://{HOSTS[0]}:{server.port}/.well-known/mta-sts.txt",
                ],
                capture_output=True,
                timeout=20,
                check=False,
            )
            policy = server.config.mta_sts.policy(OURS, server.config.server.hostname)
            expected = write_policy(policy) + b"200 text/plain; charset=utf-8"
            assert (done.stderr, done.stdout) == (b"", expected)

    asyncio.run(scenario())
