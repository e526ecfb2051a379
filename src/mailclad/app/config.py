"""The one configuration file: TOML in, frozen values out.

Strict: a key nobody knows, a value of the wrong type or two settings that contradict each
other are refused with the file, the key, its line and the nearest right key.  Relative paths
are relative to the file.  Nothing secret stands in the file; keys are named by path.
"""

import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from mailclad.app.settings.deliver import DeliverConfig, wrong_in_route
from mailclad.app.settings.dns import DnsConfig
from mailclad.app.settings.filters import Door, FiltersConfig
from mailclad.app.settings.hooks import HooksConfig
from mailclad.app.settings.mta_sts import MtaStsConfig
from mailclad.app.settings.receive import DmarcAction, ReceiveConfig
from mailclad.app.settings.reports import ReportsConfig
from mailclad.app.settings.submit import SubmitConfig
from mailclad.app.strict import Port, Positive, Strict
from mailclad.app.toml_lines import KeyPath, key_lines, line_of
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.engines.dns.servers import parse_server
from mailclad.mail.address import AddressProblem, check_domain, normalise_domain, parse_address
from mailclad.mail.mta_sts import StsMode
from mailclad.mail.tls_verdict import TlsLevel
from mailclad.servers.filter_socket import parse_place
from mailclad.servers.http_post import parse_url
from mailclad.services.receive.filter_failure import OnFailure
from mailclad.services.receive.networks import Networks
from mailclad.services.receive.rspamd import PATH, PORT
from mailclad.services.reports.addresses import ReportAddresses

DEFAULT_FILE = Path("/etc/mailclad/mailclad.toml")

MESSAGE_OCTETS = 50 * 1024 * 1024
"""The largest message: as large as the big providers take (Gmail 50 MB in, Outlook 49)."""

CONNECTIONS = 10_000
"""Open at once in each worker: what idle phones of some thousand people need."""

CONNECTIONS_PER_ADDRESS = 200
"""From one address: an office behind one router, still far below the total."""

DRAIN_SECONDS = 10
"""What open connections get to finish their command when the server stops."""

PUBLIC = ("0.0.0.0", "::")  # noqa: S104 - a mail server is there to be reached


class ConfigProblem(Exception):
    """What is wrong, where, and what to do; its text is for people."""

    def __init__(self, file: Path, key: str, line: int | None, text: str) -> None:
        place = f"{key}: line {line}" if line and key else key or f"line {line}" if line else ""
        super().__init__(": ".join(part for part in (str(file), place, text) if part))
        self.file, self.key, self.line, self.text = file, key, line, text


class ServerConfig(Strict, frozen=True, kw_only=True):
    """``workers`` 0 is one for each core; ``user`` empty stays who started it."""

    hostname: str
    data: Path = Path("/var/lib/mailclad")
    workers: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0
    user: str = ""
    pid_file: Path | None = None


class CertificateFiles(Strict, frozen=True, kw_only=True):
    """A certificate with its chain, and its key, in PEM; renewed files are noticed."""

    certificate: Path
    key: Path


class TlsConfig(Strict, frozen=True, kw_only=True):
    """One certificate, more of them for other names, or our own private CA.

    ``names`` are host names and addresses beside the hostname for the private CA's certificate.
    """

    certificate: Path | None = None
    key: Path | None = None
    certificates: tuple[CertificateFiles, ...] = ()
    private_ca: bool = False
    names: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[CertificateFiles, ...]:
        if self.certificate is None or self.key is None:
            return self.certificates
        return (
            CertificateFiles(certificate=self.certificate, key=self.key),
            *self.certificates,
        )


class ListenConfig(Strict, frozen=True, kw_only=True):
    """One port on some addresses, or, for LMTP, a Unix socket.

    ``proxy_from`` are load balancers, which say for whom they speak (PROXY protocol).
    """

    service: Service
    tls: TlsMode
    port: Port | None = None
    addresses: tuple[str, ...] = PUBLIC
    path: Path | None = None
    proxy_from: tuple[str, ...] = ()


class LimitsConfig(Strict, frozen=True, kw_only=True):
    message_octets: Positive = MESSAGE_OCTETS
    connections: Positive = CONNECTIONS
    connections_per_address: Positive = CONNECTIONS_PER_ADDRESS
    drain_seconds: Positive = DRAIN_SECONDS


class LogConfig(Strict, frozen=True, kw_only=True):
    """Without ``file`` the log goes to standard error, where systemd takes it."""

    file: Path | None = None
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


DEFAULT_LISTEN = (
    ListenConfig(service=Service.IMAP, tls=TlsMode.IMPLICIT, port=993),
    ListenConfig(service=Service.POP3, tls=TlsMode.IMPLICIT, port=995),
    ListenConfig(service=Service.SUBMISSION, tls=TlsMode.IMPLICIT, port=465),
    ListenConfig(service=Service.SUBMISSION, tls=TlsMode.STARTTLS, port=587),
    ListenConfig(service=Service.SMTP, tls=TlsMode.STARTTLS, port=25),
)
"""143 and 110 are open only where a file lists them: Apple Mail tries passwords there."""

MODES: Mapping[Service, tuple[TlsMode, ...]] = {
    Service.IMAP: (TlsMode.IMPLICIT, TlsMode.STARTTLS),
    Service.POP3: (TlsMode.IMPLICIT, TlsMode.STARTTLS),
    Service.SUBMISSION: (TlsMode.IMPLICIT, TlsMode.STARTTLS),
    Service.SMTP: (TlsMode.STARTTLS,),
    Service.LMTP: (TlsMode.NONE,),
    Service.HTTPS: (TlsMode.IMPLICIT,),
}
"""How each service may come to TLS; LMTP stays on this machine and needs none."""


class Config(Strict, frozen=True, kw_only=True):
    """All of the file; ``mailclad serve`` needs nothing else."""

    server: ServerConfig
    tls: TlsConfig = TlsConfig()
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


def worker_count(config: Config) -> int:
    """One for each core that this process may use, unless the configuration says."""
    return config.server.workers or len(os.sched_getaffinity(0))


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
    _check_tls(config, source)
    _check_listen(config, source)
    _check_dns(config, source)
    _check_receive(config, source)
    _check_reports(config, source)
    _check_submit(config, source)
    _check_filters(config, source)
    _check_deliver(config, source)
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
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in raw.items():
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            known = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(fields)}."
            raise source.problem((*path, key), f"unknown key. {known}")
        _refuse_unknown_keys(value, _struct_in(fields[key]), (*path, key), source)


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
    kinds: Mapping[str | int, tuple[str, ...]] = {
        "service": tuple(Service),
        "tls": tuple(TlsMode),
        "level": ("debug", "info", "warning", "error"),
        "format": ("text", "json"),
        "dmarc": get_args(DmarcAction),
        "domains": get_args(DmarcAction),
        "on_failure": tuple(OnFailure),
        "listeners": tuple(Door),
        "mode": tuple(StsMode),
        "policy": tuple(TlsLevel),
    }
    names = [step for step in path if isinstance(step, str)]
    return ", ".join(kinds.get(names[-1] if names else "", ()))


def _check_tls(config: Config, source: _Source) -> None:
    tls = config.tls
    if (tls.certificate is None) != (tls.key is None):
        given, other = ("certificate", "key") if tls.certificate else ("key", "certificate")
        raise source.problem(("tls", given), f"needs tls.{other} beside it")
    if tls.private_ca and tls.files:
        text = "set it to false, or remove tls.certificate and tls.key: one of the two is used"
        raise source.problem(("tls", "private_ca"), text)
    if not re.fullmatch(r"(?!-)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", config.server.hostname):
        text = f"“{config.server.hostname}” is not a host name like mail.example.org"
        raise source.problem(("server", "hostname"), text)


def _check_listen(config: Config, source: _Source) -> None:
    seen: dict[tuple[str, int], int] = {}
    for number, line in enumerate(config.listen):
        _check_line(line, ("listen", number), source)
        for address in line.addresses if line.port else ():
            key = (address, line.port or 0)
            if key in seen:
                text = f"{address} port {line.port} is listed twice"
                raise source.problem(("listen", number, "port"), text)
            seen[key] = number


def _check_dns(config: Config, source: _Source) -> None:
    for number, server in enumerate(config.dns.servers):
        try:
            parse_server(server)
        except ValueError:
            text = f"“{server}” is not an IP address, with or without a port (127.0.0.1:5353)"
            raise source.problem(("dns", "servers", number), text) from None


def _check_receive(config: Config, source: _Source) -> None:
    receive = config.receive
    _check_networks(receive.own_networks, ("receive", "own_networks"), source)
    _check_networks(receive.xclient_from, ("receive", "xclient_from"), source)
    for number, block_list in enumerate(receive.block_lists):
        _check_name(block_list.zone, ("receive", "block_lists", number, "zone"), source)
    for number, sealer in enumerate(receive.trusted_sealers):
        _check_name(sealer, ("receive", "trusted_sealers", number), source)
    for domain in receive.domains:
        _check_name(domain, ("receive", "domains", domain), source)


def _check_networks(texts: tuple[str, ...], path: KeyPath, source: _Source) -> None:
    for number, text in enumerate(texts):
        try:
            Networks([text])
        except ValueError:
            said = f"“{text}” is not an IP address or network like 192.0.2.0/24"
            raise source.problem((*path, number), said) from None


def _check_name(text: str, path: KeyPath, source: _Source) -> None:
    try:
        check_domain(text)
    except AddressProblem:
        raise source.problem(path, f"“{text}” is not a domain name") from None


def _check_reports(config: Config, source: _Source) -> None:
    reports = config.reports
    if not reports.addresses:
        text = "needs one at least: reports of ours come from it, and answers go there"
        raise source.problem(("reports", "addresses"), text)
    for number, name in enumerate(reports.addresses):
        try:
            ReportAddresses((name,))
        except AddressProblem:
            text = f"“{name}” is neither an address nor the part before its @"
            raise source.problem(("reports", "addresses", number), text) from None
    domains = {
        _report_domain(key, value, source)
        for key, value in (("contact", reports.contact), ("from_address", reports.from_address))
        if value
    }
    if len(domains) > 1:
        text = "must be of the same domain as reports.contact: receivers compare them"
        raise source.problem(("reports", "from_address"), text)


def _report_domain(key: str, value: str, source: _Source) -> str:
    try:
        address = parse_address(value)
        domain = normalise_domain(address.domain)
    except AddressProblem as problem:
        raise source.problem(("reports", key), f"“{value}”: {problem}") from None
    if not address.local_part.isascii():
        raise source.problem(("reports", key), f"“{value}” is more than ASCII before its @")
    return domain


def _check_submit(config: Config, source: _Source) -> None:
    submit = config.submit
    for name, hour, day in (
        ("messages_per_hour", submit.messages_per_hour, submit.messages_per_day),
        ("recipients_per_hour", submit.recipients_per_hour, submit.recipients_per_day),
    ):
        if hour > day:
            text = f"{hour} in an hour are more than {day} in a day: raise {name[:-4]}day as well"
            raise source.problem(("submit", name), text)


def _check_deliver(config: Config, source: _Source) -> None:
    deliver = config.deliver
    for number, address in enumerate(deliver.source):
        if not _is_ip(address):
            text = f"“{address}” is not an IP address of this machine"
            raise source.problem(("deliver", "source", number), text)
    if deliver.socks:
        try:
            parse_server(deliver.socks)
        except ValueError:
            text = f"“{deliver.socks}” is not an IP address and a port (127.0.0.1:9050)"
            raise source.problem(("deliver", "socks"), text) from None
    for number, route in enumerate(deliver.route):
        key, text = wrong_in_route(route)
        if text:
            raise source.problem(("deliver", "route", number, key), text)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _check_filters(config: Config, source: _Source) -> None:
    for number, milter in enumerate(config.filters.milter):
        try:
            parse_place(milter.socket)
        except ValueError as problem:
            text = f"“{milter.socket}”: {problem}"
            raise source.problem(("filters", "milter", number, "socket"), text) from None
    rspamd = config.filters.rspamd
    if rspamd is not None:
        try:
            parse_url(rspamd.url, PORT, PATH)
        except ValueError as problem:
            text = f"“{rspamd.url}”: {problem}"
            raise source.problem(("filters", "rspamd", "url"), text) from None


def _check_line(line: ListenConfig, path: KeyPath, source: _Source) -> None:
    allowed = MODES[line.service]
    if line.tls not in allowed:
        text = f"“{line.tls}” is not possible for {line.service}; use: {' or '.join(allowed)}"
        raise source.problem((*path, "tls"), text)
    if (line.port is None) == (line.path is None):
        raise source.problem(path, "needs a port, or (for lmtp) a path, and not both")
    _check_networks(line.proxy_from, (*path, "proxy_from"), source)
    if line.path is not None and line.service is not Service.LMTP:
        raise source.problem((*path, "path"), "only lmtp can listen on a path")
    if line.service is Service.LMTP and line.port is not None and not is_local(line.addresses):
        text = 'lmtp takes mail from anyone who reaches it: use addresses = ["127.0.0.1", "::1"]'
        raise source.problem((*path, "addresses"), text)


def is_local(addresses: tuple[str, ...]) -> bool:
    """Whether only programs of this machine reach them."""
    return all(a.startswith("127.") or a == "::1" for a in addresses)
