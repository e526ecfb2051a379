"""[hooks]: Python files of the administrator's own."""

from pathlib import Path

from mailclad.app.strict import Positive, Strict
from mailclad.services.receive.hooks import HOOK_SECONDS


class HooksConfig(Strict, frozen=True, kw_only=True):
    """``modules`` are files; ``timeout_seconds`` is what one call of a hook may take."""

    modules: tuple[Path, ...] = ()
    timeout_seconds: Positive = int(HOOK_SECONDS)
