"""How a running server is told that the store has a new certificate."""

from pathlib import Path

STAGED_FILE = "certificates.staged"
"""Below the data directory, empty: touched when the store has a new certificate."""


def note_staged(directory: Path) -> None:
    """Tell the running server of this data directory to look into the store."""
    file = directory / STAGED_FILE
    file.touch(mode=0o600)
