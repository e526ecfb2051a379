"""Files with certificates and keys, written so that nobody ever reads half of one."""

import os
import secrets
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """With its mode from the first octet on; whole or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)  # it may be a key
