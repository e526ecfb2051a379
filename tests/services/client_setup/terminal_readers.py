"""What the files for terminal programs say, read by the rules of their formats."""

import ast
import configparser
import re
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.setup_file import SetupFile

SUBMISSION, IMAP, POP3 = MailProtocol.SUBMISSION, MailProtocol.IMAP, MailProtocol.POP3
IMPLICIT, STARTTLS = TlsMode.IMPLICIT, TlsMode.STARTTLS


@dataclass(frozen=True)
class Said:
    """``trust_file`` and ``command`` are None where the program has no word for them."""

    address: str
    endpoints: frozenset[Endpoint]
    trust_file: str | None
    command: str | None


URLS = {
    "imaps": (IMAP, IMPLICIT),
    "imap": (IMAP, STARTTLS),
    "smtps": (SUBMISSION, IMPLICIT),
    "smtp": (SUBMISSION, STARTTLS),
}


def _of_url(text: str) -> tuple[Endpoint, str]:
    """And the login name in it."""
    parts = urlsplit(text)
    protocol, tls = URLS[parts.scheme]
    assert parts.hostname
    assert parts.port
    assert parts.path in {"", "/"}
    return Endpoint(protocol, parts.hostname, parts.port, tls), unquote(parts.username or "")


def _mutt(files: tuple[SetupFile, ...]) -> Said:
    """Its quotes and backslashes are those of a shell; backquotes run a command."""
    values = {}
    for line in files[0].text.splitlines():
        if line.startswith("set my_password="):
            values["command"] = line.partition("=")[2][2:-2]
        elif line.startswith("set "):
            (word,) = shlex.split(line)[1:]
            name, _, values[name] = word.partition("=")
    folder, nobody = _of_url(values["folder"])
    sends, login = _of_url(values["smtp_url"])
    assert (nobody, values["imap_user"], values["from"]) == ("", login, login)
    assert values["ssl_force_tls"] == values["ssl_starttls"] == values["ssl_verify_host"] == "yes"
    assert values["imap_pass"] == values["smtp_pass"] == "$my_password"
    trust = values.get("certificate_file", "")
    return Said(login, frozenset({folder, sends}), trust, values["command"])


def _marlam(protocol: MailProtocol) -> Callable[[tuple[SetupFile, ...]], Said]:
    def read(files: tuple[SetupFile, ...]) -> Said:
        lines = [line for line in files[0].text.splitlines() if not line.startswith("#")]
        values = dict(line.partition(" ")[::2] for line in lines)
        values = {name: re.sub(r'^"(.*)"$', r"\1", one) for name, one in values.items()}
        assert (values["tls"], values["tls_certcheck"]) == ("on", "on")
        assert values.get("from", values["user"]) == values["user"]
        tls = {"on": STARTTLS, "off": IMPLICIT}[values["tls_starttls"]]
        endpoint = Endpoint(protocol, values["host"], int(values["port"]), tls)
        trust = values["tls_trust_file"].removeprefix("system")
        return Said(values["user"], frozenset({endpoint}), trust, values["passwordeval"])

    return read


def _mbsync(files: tuple[SetupFile, ...]) -> Said:
    values = {}
    for line in files[0].text.splitlines():
        name, _, value = line.partition(" ")
        if value[:1] == '"':
            assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', value)
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        values[name] = value
    tls = {"IMAPS": IMPLICIT, "STARTTLS": STARTTLS}[values["SSLType"]]
    trust = values.get("CertificateFile", "")
    assert values.get("SystemCertificates") == ("no" if trust else None)
    endpoint = Endpoint(IMAP, values["Host"], int(values["Port"]), tls)
    return Said(values["User"], frozenset({endpoint}), trust, values["PassCmd"])


def _of_number(found: re.Match[str]) -> str:
    character: str = found[1]
    return '"' if character == "042" else character


def _fetchmail(files: tuple[SetupFile, ...]) -> Said:
    words: list[str] = re.findall(r'"[^"]*"|#.*|[^\s"#]+', files[0].text)
    words = [one for one in words if one[0] != "#"]

    def after(name: str) -> str:
        if name not in words:
            return ""
        value = words[words.index(name) + 1]
        if value[0] != '"':
            return value
        return re.sub(r"\\(042|.)", _of_number, value[1:-1])

    assert "sslcertck" in words
    assert after("sslproto") == "TLS1.2+"
    endpoint = Endpoint(
        MailProtocol(after("protocol")),
        after("poll"),
        int(after("service")),
        IMPLICIT if "ssl" in words else STARTTLS,
    )
    return Said(after("user"), frozenset({endpoint}), after("sslcertfile"), None)


GETMAIL = {"SimpleIMAPSSLRetriever": IMAP, "SimplePOP3SSLRetriever": POP3}


def _getmail(files: tuple[SetupFile, ...]) -> Said:
    parser = configparser.RawConfigParser()
    parser.read_string(files[0].text)
    values = parser["retriever"]
    shell, flag, command = ast.literal_eval(values["password_command"])
    assert (shell, flag) == ("sh", "-c")
    endpoint = Endpoint(GETMAIL[values["type"]], values["server"], int(values["port"]), IMPLICIT)
    trust = values["ca_certs"].removeprefix("/etc/ssl/certs/ca-certificates.crt")
    return Said(values["username"], frozenset({endpoint}), trust, command)


def _offlineimap(files: tuple[SetupFile, ...]) -> Said:
    parser = configparser.ConfigParser()
    parser.read_string(files[0].text)
    values = parser["Repository far"]
    assert (values["ssl"], values["starttls"]) == ("yes", "no")
    (command,) = [
        call.args[0].value
        for call in ast.walk(ast.parse(values["remotepasseval"]))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "check_output"
        and isinstance(call.args[0], ast.Constant)
    ]
    endpoint = Endpoint(IMAP, values["remotehost"], int(values["remoteport"]), IMPLICIT)
    trust = values["sslcacertfile"].removeprefix("OS-DEFAULT")
    return Said(values["remoteuser"], frozenset({endpoint}), trust, str(command))


def _aerc(files: tuple[SetupFile, ...]) -> Said:
    """Between backquotes a value stands as it is, except for ``%(name)s``."""
    values = {}
    for line in files[0].text.splitlines():
        if not line.startswith(("#", "[")):
            name, _, value = line.partition(" = ")
            assert "%(" not in value
            values[name] = re.sub("^`([^`]*)`$", r"\1", value)
    receives, login = _of_url(values["source"])
    sends, again = _of_url(values["outgoing"])
    assert login == again
    assert (sends.tls is STARTTLS) == (values.get("smtp-starttls") == "yes")
    assert values["source-cred-cmd"] == values["outgoing-cred-cmd"]
    endpoints = frozenset({receives, sends})
    return Said(login, endpoints, None, values["source-cred-cmd"])


def _himalaya(files: tuple[SetupFile, ...]) -> Said:
    (account,) = tomllib.loads(files[0].text)["accounts"].values()
    found = set()
    for kind in ("imap", "smtp"):
        endpoint, login = _of_url(account[kind]["server"])
        assert login == ""
        assert account[kind].get("starttls", False) is (endpoint.tls is STARTTLS)
        sasl = account[kind]["sasl"]["plain"]
        trust = account[kind].get("tls", {}).get("cert", "")
        found.add((endpoint, sasl["username"], trust, *sasl["password"]["command"]))
    ((address, trust, _, _, command),) = {one[1:] for one in found}
    return Said(address, frozenset(one[0] for one in found), trust, command)


READERS: Mapping[str, Callable[[tuple[SetupFile, ...]], Said]] = {
    "aerc": _aerc,
    "fetchmail": _fetchmail,
    "getmail": _getmail,
    "himalaya": _himalaya,
    "mbsync": _mbsync,
    "mpop": _marlam(POP3),
    "msmtp": _marlam(SUBMISSION),
    "mutt": _mutt,
    "neomutt": _mutt,
    "offlineimap": _offlineimap,
}
