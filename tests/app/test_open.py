"""The data directory is its owner's alone, and root writes to it as that owner."""

import asyncio
import os
import pwd
import subprocess
import sys
import tempfile
from pathlib import Path

from mailclad.app.open import opened

SCRIPT = """
import os, sys
from pathlib import Path
from mailclad.app.open import become_owner
become_owner(Path(sys.argv[1]))
sys.stdout.write(str(os.geteuid()))
"""


def test_a_new_directory_is_closed_to_everyone_else(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        async with opened(tmp_path / "data") as things:
            await things.provision.add_domain("example.org")
            return await things.store.domains()

    assert asyncio.run(scenario()) == ["example.org"]
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600


def test_root_becomes_the_owner_of_the_data() -> None:
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        owner = Path(folder).stat().st_uid
        command = [sys.executable, "-c", SCRIPT, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert int(done.stdout) == owner
