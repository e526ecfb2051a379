"""The one configuration file: TOML in, frozen values out.

Strict: a key nobody knows, a value of the wrong type or two settings that contradict each
other are refused with the file, the key, its line and the nearest right key.  Relative paths
are relative to the file.  Nothing secret stands in the file; keys are named by path.
"""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import msgspec

from mailclad.app.settings.acme import AcmeConfig
from mailclad.app.settings.deliver import DeliverConfig
from mailclad.app.settings.dns import DnsConfig
from mailclad.app.settings.filters import FiltersConfig
from mailclad.app.settings.hooks import HooksConfig
from mailclad.app.settings.limits import LimitsConfig
from mailclad.app.settings.listen import DEFAULT_LISTEN, ListenConfig, listed_twice
from mailclad.app.settings.log import LogConfig
from mailclad.app.settings.mta_sts import MtaStsConfig
from mailclad.app.settings.receive import ReceiveConfig
from mailclad.app.settings.reports import ReportsConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.settings.submit import SubmitConfig
from mailclad.app.settings.tls import TlsConfig
from mailclad.app.strict import Strict, Wrong, all_wrong
from mailclad.app.toml_lines import KeyPath, key_lines, line_of

DEFAULT_FILE = Path("/etc/mailclad/mailclad.toml")


class ConfigProblem(Exception):
    """What is wrong, where, and what to do; its text is for people."""

    def __init__(self, file: Path, key: str, line: int | None, text: str) -> None:
        place = f"{key}: line {line}" if line and key else key or f"line {line}" if line else ""
        super().__init__(": ".join(part for part in (str(file), place, text) if part))
        self.file, self.key, self.line, self.text = file, key, line, text


class Config(Strict, frozen=True, kw_only=True):
    """All of the file; ``mailclad serve`` needs nothing else."""

    server: ServerConfig
    tls: TlsConfig = TlsConfig()
    acme: AcmeConfig | None = None
    listen: tuple[ListenConfig, ...] = DEFAULT_LISTEN
    limits: LimitsConfig = LimitsConfig()
    log: LogConfig = LogConfig()
    dns: DnsConfig = DnsConfig()
    receive: ReceiveConfig = ReceiveConfig()
    reports: ReportsConfig = ReportsConfig()
    submit: SubmitConfig = SubmitConfig()
    hooks: HooksConfig = HooksConfig()
    filters: FiltersConfig = FiltersConfig()
    mta_sts: MtaStsConfig = MtaStsConfig()
    deliver: DeliverConfig = DeliverConfig()

    def wrong(self) -> Iterator[Wrong]:
        for key, text in listed_twice(self.listen):
            yield ("listen", *key), text
        rival = self.tls.rival_of_acme
        if self.acme is not None and rival:
            text = f"remove this table, or remove {rival}: one of the two is used"
            yield ("acme",), text


def load_config(file: Path) -> Config:
    """Read and check the file; raises ConfigProblem."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        remedy = "there is no such file. Make one with: mailclad init YOUR-DOMAIN"
        raise ConfigProblem(file, "", None, remedy) from None
    except UnicodeDecodeError:
        raise ConfigProblem(file, "", None, "it is not UTF-8 text") from None
    except OSError as problem:
        raise ConfigProblem(file, "", None, f"cannot be read: {problem.strerror}") from None
    return parse_config(text, file)


def parse_config(text: str, file: Path) -> Config:
    """The text of a configuration file, checked; raises ConfigProblem."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        line = re.search(r"at line (\d+)", str(problem))
        words = re.sub(r" \(at .*\)$", "", str(problem))
        told = int(line[1]) if line else len(text.splitlines())  # "at end of document"
        raise ConfigProblem(file, "", told, f"this is not TOML: {words}") from None
    source = _Source(file, key_lines(text))
    _refuse_unknown_keys(raw, Config, (), source)
    try:
        config = msgspec.convert(raw, Config, dec_hook=_paths_from(file.parent))
    except msgspec.ValidationError as problem:
        raise _wrong_value(str(problem), source) from None
    for path, wrong in all_wrong(config):
        raise source.problem(path, wrong)
    return config


def problem_at(file: Path, path: KeyPath, text: str) -> ConfigProblem:
    """What is found wrong later, with the line of its key all the same."""
    return _Source(file, key_lines(file.read_text(encoding="utf-8"))).problem(path, text)


class _Source:
    """The file and where its keys stand: all that an error message needs."""

    def __init__(self, file: Path, lines: Mapping[KeyPath, int]) -> None:
        self._file, self._lines = file, lines

    def problem(self, path: KeyPath, text: str) -> ConfigProblem:
        key = ".".join(str(part) for part in path if isinstance(part, str))
        return ConfigProblem(self._file, key, line_of(path, self._lines), text)


def _paths_from(base: Path) -> Any:
    def hook(kind: type, value: object) -> object:
        if kind is Path and isinstance(value, str) and value:
            return base / Path(value).expanduser()
        raise ValueError("Expected a path in quotation marks")

    return hook


def _refuse_unknown_keys(raw: object, kind: Any, path: KeyPath, source: _Source) -> None:
    """Walk the tables beside the structs that they become."""
    if isinstance(raw, list):
        for number, element in enumerate(raw):
            _refuse_unknown_keys(element, kind, (*path, number), source)
    if not isinstance(raw, dict) or kind is None:
        return
    fields = _fields(kind)
    for key, value in raw.items():
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            known = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(fields)}."
            raise source.problem((*path, key), f"unknown key. {known}")
        _refuse_unknown_keys(value, _struct_in(fields[key]), (*path, key), source)


def _fields(table: type[Strict]) -> Mapping[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(table)}


def _struct_in(kind: Any) -> Any:
    """The struct that a field holds, alone or in a tuple."""
    candidates = (kind, *get_args(kind))
    return next((k for k in candidates if isinstance(k, type) and issubclass(k, Strict)), None)


_WRONG = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]")
_WORDS = (
    ("`str`", "text in quotation marks"),
    ("`int`", "a whole number"),
    ("`bool`", "true or false"),
    ("`array`", "a list in square brackets"),
    ("`object`", "a table"),
    ("`float`", "a number with a decimal point"),
    ("`Path`", "a path in quotation marks"),
    ("`null`", "nothing"),
)


def _wrong_value(text: str, source: _Source) -> ConfigProblem:
    match = _WRONG.match(text)
    assert match is not None
    what, steps = match["what"], match["path"] or ""
    path: KeyPath = tuple(
        name or int(number) for name, number in _STEP.findall(steps) if name or number
    )
    if missing := re.match(r"Object missing required field `(.+)`", what):
        key = (*path, missing[1])
        return source.problem(key, "this key is needed and missing")
    if unknown := re.match(r"Invalid enum value '(.*)'", what):
        return source.problem(path, f"“{unknown[1]}” is none of: {_choices(path)}")
    for word, plain in _WORDS:
        what = what.replace(word, plain)
    what = what.replace("Expected", "expected").replace(", got", ", found")
    return source.problem(path, what.replace("| nothing", "").replace("  ", " "))


def _choices(path: KeyPath) -> str:
    """The words that may stand here, as the types of the tables say."""
    kind: Any = Config
    for step in path:
        if isinstance(step, str) and (table := _struct_in(kind)):
            kind = _fields(table)[step]
    return ", ".join(_words_in(kind))


def _words_in(kind: Any) -> Iterator[str]:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        yield from kind
    for part in get_args(kind):
        if isinstance(part, str):
            yield part
        else:
            yield from _words_in(part)
