"""What the files for programs and frameworks say, read by the rules of their formats."""

import ast
import configparser
import json
import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.etree import ElementTree

import yaml

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import SCHEMES, Endpoint, MailProtocol
from mailclad.services.client_setup.setup_file import SetupFile

SUBMISSION, IMAP, POP3 = MailProtocol.SUBMISSION, MailProtocol.IMAP, MailProtocol.POP3
IMPLICIT, STARTTLS = TlsMode.IMPLICIT, TlsMode.STARTTLS


@dataclass(frozen=True)
class Said:
    """``trust_file`` is None where the file says it in a comment only."""

    endpoints: frozenset[Endpoint]
    address: str
    trust_file: str | None = None


def said(address: str, *endpoints: Endpoint, trust: str | None = None) -> Said:
    return Said(frozenset(endpoints), address, trust)


def _python(files: tuple[SetupFile, ...]) -> Said:
    tree = ast.parse(files[0].text)
    values: dict[str, object] = {}
    trust = ""
    endpoints = []
    for node in ast.walk(tree):
        match node:
            case ast.Assign([ast.Name(name)], ast.Constant(value)):
                values[name] = value
            case ast.keyword("cafile", ast.Constant(str(value))):
                trust = value
            case ast.With([ast.withitem(ast.Call(ast.Attribute(_, kind), [host, port]))], body):
                tls = IMPLICIT if kind.endswith("_SSL") else STARTTLS
                first = ast.unparse(body[0])
                assert (tls is STARTTLS) == first.startswith("server.starttls(")
                protocol = SUBMISSION if kind.startswith("SMTP") else IMAP
                endpoints.append(_endpoint(protocol, _constant(host), _constant(port), tls))
            case _:
                pass
    return said(str(values["ADDRESS"]), *endpoints, trust=trust)


def _constant(node: ast.expr) -> object:
    assert isinstance(node, ast.Constant)
    return node.value


def _django(files: tuple[SetupFile, ...]) -> Said:
    environment = {"MAIL_PASSWORD": "secret"}
    names = {"os": type("os", (), {"environ": environment})}
    exec(files[0].text.replace("import os\n", ""), names)  # settings are Python
    settings: Mapping[str, object] = names
    assert settings["EMAIL_USE_SSL"] is not settings["EMAIL_USE_TLS"]
    tls = IMPLICIT if settings["EMAIL_USE_SSL"] else STARTTLS
    return said(
        str(settings["EMAIL_HOST_USER"]),
        _endpoint(SUBMISSION, settings["EMAIL_HOST"], settings["EMAIL_PORT"], tls),
        trust=environment.get("SSL_CERT_FILE", ""),
    )


def _php_values(text: str) -> dict[str, str]:
    """What is assigned to properties, and what constants are; strings are in single quotes."""
    string = r"'((?:[^'\\]|\\.)*)'|(\d+)"
    found = re.findall(rf"(?:\$mail->(\w+) = |define\('(\w+)', |'(cafile)' => )(?:{string})", text)
    return {a or b or c: re.sub(r"\\(.)", r"\1", one) or number for a, b, c, one, number in found}


PHP_TLS = {"ssl": IMPLICIT, "tls": STARTTLS}


def _php(files: tuple[SetupFile, ...]) -> Said:
    values = _php_values(files[0].text)
    endpoint = _endpoint(SUBMISSION, values["Host"], values["Port"], PHP_TLS[values["SMTPSecure"]])
    return said(values["Username"], endpoint, trust=values.get("cafile", ""))


def _wordpress(files: tuple[SetupFile, ...]) -> Said:
    alone = _php(files[:1])
    if len(files) == 2:
        values = _php_values(files[1].text)
        tls = PHP_TLS[values["WPMS_SSL"]]
        host, port = values["WPMS_SMTP_HOST"], values["WPMS_SMTP_PORT"]
        assert alone == said(
            values["WPMS_SMTP_USER"], _endpoint(SUBMISSION, host, port, tls), trust=""
        )
    return alone


def _nodemailer(files: tuple[SetupFile, ...]) -> Said:
    text = files[0].text

    def value(name: str) -> str:
        return str(json.JSONDecoder().raw_decode(text.split(name, 1)[1])[0])

    tls = IMPLICIT if "\n  secure: true,\n" in text else STARTTLS
    assert (tls is STARTTLS) == ("\n  secure: false,\n  requireTLS: true,\n" in text)
    trust = value("readFileSync(") if "readFileSync(" in text else ""
    endpoint = _endpoint(SUBMISSION, value("\n  host: "), value("\n  port: "), tls)
    return said(value("const address = "), endpoint, trust=trust)


def _go(files: tuple[SetupFile, ...]) -> Said:
    text = files[0].text

    def value(before: str) -> str:
        found = re.search(re.escape(before) + r'("(?:[^"\\]|\\.)*")', text)
        return str(ast.literal_eval(found[1])) if found else ""

    host, _, port = value("\n\tserver  = ").rpartition(":")
    assert host.strip("[]") == value("\n\thost    = ")
    tls = IMPLICIT if "tls.Dial(" in text else STARTTLS
    assert (tls is STARTTLS) == ("client.StartTLS(config)" in text)
    endpoint = _endpoint(SUBMISSION, host.strip("[]"), port, tls)
    return said(value("\n\taddress = "), endpoint, trust=value("os.ReadFile("))


def _git(files: tuple[SetupFile, ...]) -> Said:
    listed = subprocess.run(
        ["git", "config", "--file", "-", "--list", "--null"],
        input=files[0].text.encode(),
        capture_output=True,
        check=True,
    ).stdout.decode()
    values = dict(line.partition("\n")[::2] for line in listed.split("\0"))
    tls = {"ssl": IMPLICIT, "tls": STARTTLS}[values["sendemail.smtpencryption"]]
    host, port = values["sendemail.smtpserver"], values["sendemail.smtpserverport"]
    address = values["sendemail.smtpuser"]
    assert values[f"credential.smtp://{host}:{port}.username"] == address
    return said(
        address,
        _endpoint(SUBMISSION, host, port, tls),
        trust=values.get("sendemail.smtpsslcertpath", ""),
    )


def _curl(files: tuple[SetupFile, ...]) -> Said:
    text = files[0].text
    endpoints = []
    for url in re.findall(r"\b(?:smtps?|imaps?)://[^ ']*", text):
        parts = urlsplit(url)
        scheme = {"smtps": "submissions", "smtp": "submission"}.get(parts.scheme, parts.scheme)
        protocol, tls = SCHEMES[scheme]
        endpoints.append(_endpoint(protocol, parts.hostname, parts.port, tls))
    (line,) = re.findall(r"^address=.*$", text, re.MULTILINE)
    (call,) = re.findall(r"^  curl .*?(?=--config)", text, re.MULTILINE | re.DOTALL)
    words = shlex.split(call)
    assert "--ssl-reqd" in words
    trust = words[words.index("--cacert") + 1] if "--cacert" in words else ""
    return said(shlex.split(line)[0].removeprefix("address="), *endpoints, trust=trust)


def _laravel(files: tuple[SetupFile, ...]) -> Said:
    values = {}
    for line in files[0].text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.partition("=")
            values[name] = re.sub(r'\\([\\"$])', r"\1", value.strip('"')) if value else ""
    assert values["MAIL_SCHEME"] == "smtps"
    quoted = re.search(r'^MAIL_USERNAME="(.*)"$', files[0].text, re.MULTILINE)
    assert quoted is not None
    address = re.sub(r'\\([\\"$])', r"\1", quoted[1])
    return said(address, _endpoint(SUBMISSION, values["MAIL_HOST"], values["MAIL_PORT"], IMPLICIT))


def _environment(files: tuple[SetupFile, ...]) -> Said:
    lines = [line for line in files[0].text.splitlines() if not line.startswith("#")]
    values = dict(line.partition("=")[::2] for line in lines)
    tls = IMPLICIT if values["SMTP_SSL"] == "true" else STARTTLS
    return said(
        values["SMTP_USERNAME"],
        _endpoint(SUBMISSION, values["SMTP_HOST"], values["SMTP_PORT"], tls),
    )


class _HomeAssistantYaml(yaml.SafeLoader):
    pass


_HomeAssistantYaml.add_constructor("!secret", lambda loader, node: node.value)


def _home_assistant(files: tuple[SetupFile, ...]) -> Said:
    loaded = yaml.load(files[0].text, _HomeAssistantYaml)
    (values,) = loaded["notify"]
    assert values["verify_ssl"] is True
    tls = {"tls": IMPLICIT, "starttls": STARTTLS}[values["encryption"]]
    return said(values["username"], _endpoint(SUBMISSION, values["server"], values["port"], tls))


def _key_file(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=True, delimiters=("=",), comment_prefixes=("#",))
    parser.read_string(text)
    return parser


def _unescaped(value: str) -> str:
    letters = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
    return re.sub(r"\\(.)", lambda found: letters[found[1]], value)


def _evolution(files: tuple[SetupFile, ...]) -> Said:
    account, identity, transport = (_key_file(file.text) for file in files)
    uids = [file.path.rpartition("/")[2].removesuffix(".source") for file in files]
    assert account["Mail Account"]["IdentityUid"] == uids[1]
    assert identity["Mail Submission"]["TransportUid"] == uids[2]
    modes = {"ssl-on-alternate-port": IMPLICIT, "starttls-on-standard-port": STARTTLS}

    def server(protocol: MailProtocol, source: configparser.RawConfigParser) -> Endpoint:
        place, security = source["Authentication"], source["Security"]["Method"]
        assert _unescaped(place["User"]) == address
        return _endpoint(protocol, place["Host"], place["Port"], modes[security])

    address = _unescaped(identity["Mail Identity"]["Address"])
    protocol = {"imapx": IMAP, "pop": POP3}[account["Mail Account"]["BackendName"]]
    return said(address, server(protocol, account), server(SUBMISSION, transport))


def _geary(files: tuple[SetupFile, ...]) -> Said:
    values = _key_file(files[0].text)
    modes = {"transport": IMPLICIT, "start-tls": STARTTLS}

    def server(protocol: MailProtocol, section: str) -> Endpoint:
        place = values[section]
        return _endpoint(
            protocol, place["host"], place["port"], modes[place["transport_security"]]
        )

    address = _unescaped(values["Incoming"]["login"])
    return said(address, server(IMAP, "Incoming"), server(SUBMISSION, "Outgoing"))


def _claws(files: tuple[SetupFile, ...]) -> Said:
    lines = files[0].text.split("\n")
    values = dict(line.partition("=")[::2] for line in lines if not line.startswith(("#", "[")))
    kind = {"0": "pop", "3": "imap"}[values["protocol"]]
    modes = {"1": IMPLICIT, "2": STARTTLS}
    assert (values["use_smtp_auth"], values["set_smtpport"], values[f"set_{kind}port"]) == (
        ("1",) * 3
    )
    tree = ElementTree.fromstring(files[1].text)
    names = {folder.get("type"): folder.get("name") for folder in tree}
    assert names.get("imap", values["address"]) == values["address"]
    return said(
        values["user_id"],
        _endpoint(
            POP3 if kind == "pop" else IMAP,
            values["receive_server"],
            values[f"{kind}_port"],
            modes[values[f"ssl_{kind}"]],
        ),
        _endpoint(
            SUBMISSION, values["smtp_server"], values["smtp_port"], modes[values["ssl_smtp"]]
        ),
    )


def _systemd(files: tuple[SetupFile, ...]) -> Said:
    lines = [line.strip().partition(" ")[::2] for line in files[0].text.splitlines()]
    values = {name: value.strip('"') for name, value in lines}
    assert values["tls"] == "on"
    tls = {"off": IMPLICIT, "on": STARTTLS}[values["tls_starttls"]]
    unit = _key_file(files[1].text)["Service"]["Environment"]
    assert unit == f"MAIL_TO={values['user']} FAILED=%i"
    endpoint = _endpoint(SUBMISSION, values["host"], values["port"], tls)
    return said(values["user"], endpoint, trust=values["tls_trust_file"])


def _printer(files: tuple[SetupFile, ...]) -> Said:
    text = files[0].text
    (address,) = re.findall(r"^User name {11}(.*)$", text, re.MULTILINE)
    rows = re.findall(r"Server +(\S+)\n  Port +(\d+)\n  Encryption +(SSL/TLS|STARTTLS) ", text)
    modes = {"SSL/TLS": IMPLICIT, "STARTTLS": STARTTLS}
    return said(address, *(_endpoint(SUBMISSION, host, port, modes[w]) for host, port, w in rows))


def _endpoint(protocol: MailProtocol, host: object, port: object, tls: TlsMode) -> Endpoint:
    return Endpoint(protocol, str(host), int(str(port)), tls)


READERS: Mapping[str, Callable[[tuple[SetupFile, ...]], Said]] = {
    "claws": _claws,
    "curl": _curl,
    "django": _django,
    "environment": _environment,
    "evolution": _evolution,
    "geary": _geary,
    "git-send-email": _git,
    "go": _go,
    "home-assistant": _home_assistant,
    "laravel": _laravel,
    "nodemailer": _nodemailer,
    "phpmailer": _php,
    "printer": _printer,
    "python": _python,
    "systemd": _systemd,
    "wordpress": _wordpress,
}
