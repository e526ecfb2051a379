"""Commands whose file is imported when they run: most answers need few of the libraries."""

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import click


def load_command(place: str) -> click.Command:
    """``module:name``."""
    module, _, name = place.partition(":")
    found = getattr(importlib.import_module(module), name)
    assert isinstance(found, click.Command)
    return found


class LazyGroup(click.Group):
    """``apart`` are the places of commands beside those that are added."""

    def __init__(self, *args: Any, apart: Mapping[str, str], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._apart = apart

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self._apart])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = self._apart.get(cmd_name)
        return super().get_command(ctx, cmd_name) if place is None else load_command(place)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] in known or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        near = get_close_matches(args[0], known, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise click.UsageError(f"There is no command {args[0]}.{hint}", ctx)
