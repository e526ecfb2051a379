"""Hooks from the Python files that the configuration names.

Comes in: paths.  Goes out: the ``Hooks`` objects that stand in these files, under any name.
A file is run once in each worker, as the server's user, so that an edited file counts after a
reload; what it raises ends the start (or the reload) with its file, line and words.
"""

import importlib.util
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from mailclad.services.receive.hooks import Hooks


class HookProblem(Exception):
    """A file of hooks cannot be used; its text is for people."""


def load_hooks(files: Iterable[Path]) -> tuple[Hooks, ...]:
    """In the order of the files; raises HookProblem."""
    return tuple([hooks for file in files for hooks in _hooks_in(file)])


def _hooks_in(file: Path) -> list[Hooks]:
    module = _run(file)
    found = {id(value): value for value in vars(module).values() if isinstance(value, Hooks)}
    if not found:
        raise HookProblem(f"{file}: has no hooks. It needs a line like: hooks = Hooks()")
    return list(found.values())


def _run(file: Path) -> ModuleType:
    name = f"mailclad_hooks_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise HookProblem(f"{file}: is not a Python file: its name does not end with .py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        raise HookProblem(f"{file}: {_place(problem, file)}{_words(problem)}") from problem
    return module


def _place(problem: Exception, file: Path) -> str:
    """The last line of that file that was run."""
    if isinstance(problem, SyntaxError):
        return f"line {problem.lineno}: "
    frames = traceback.extract_tb(problem.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(file)]
    return f"line {lines[-1]}: " if lines else ""


def _words(problem: Exception) -> str:
    if isinstance(problem, OSError):
        return f"cannot be read: {problem.strerror}"
    if isinstance(problem, SyntaxError):
        return f"this is not Python: {problem.msg}"
    return f"{type(problem).__name__}: {problem}"
