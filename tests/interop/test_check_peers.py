"""``mailclad check`` on other people's servers, set up well, and badly in the ways that people do.

The real command in an Internet of its own, where Debian's Postfix, Dovecot, Exim and Courier
stand at their real ports.  Every finding is named, with its level and its ports: nothing more may
be told.  A domain here publishes everything (DNSSEC, DANE, MTA-STS, TLS reports, SPF, DMARC, SRV)
but documents for mail programs, which is a note.
"""

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dns.reversename import from_address

from tests.dns.server import Records, StubDns, in_thread
from tests.interop.island import island, needs_root
from tests.interop.neighbours import WEB_ADDRESS, PolicyHost, policy_hosts
from tests.interop.whole_hosts import COURIER, Host, exim_and_courier, postfix_and_dovecot
from tests.interop.whole_papers import CA_ADDRESS, CA_HOST, Papers
from tests.lacking import lacking

pytestmark = [
    pytest.mark.interop("postfix", "dovecot", "exim4", "nginx", f"{COURIER}/couriertcpd"),
    pytest.mark.slow,
    needs_root,
]

DOMAIN, HOST, ADDRESS = "example.test", "mail.example.test", "45.0.3.1"
NOBODY = "2001:db8::25"
"""An address where no port is open."""
PROGRAMS = "143,993,110,995,465,587"
EVERY = f"25,{PROGRAMS}"
EXPLAINED = {"DNS-420 note"}
COURIERS = {
    "MODE-207 problem 110",  # CVE-2021-38084, which Debian 12 has not mended
    "MODE-204 watch 110",  # USER is listed before STLS, and refused
}
# Whoever comes from a server's own address has nothing to hide from Dovecot.
_ROUTES = (
    f"ip addr add 45.0.9.1/32 dev lo && ip route add local {ADDRESS} dev lo src 45.0.9.1 && "
    "ip -6 route add local 2001:db8::/32 dev lo"
)
SRV = {
    "_imaps": 993,
    "_imap": 143,
    "_pop3s": 995,
    "_pop3": 110,
    "_submissions": 465,
    "_submission": 587,
}
OLD_TLS = "smtpd_tls_protocols = >=TLSv1\nsmtpd_tls_mandatory_protocols = >=TLSv1\n"


@dataclass(frozen=True)
class Fault:
    """``told`` are the findings, by id, level and ports; ``pki`` and ``of`` name ``Papers``."""

    told: set[str]
    pki: str = "good"
    of: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)
    records: Records = field(default_factory=dict)
    tlsa: str = ""
    mx_of_policy: str = HOST
    address: str = f"ada@{DOMAIN}"


POSTFIX_AND_DOVECOT = {
    "well": Fault(set()),
    "cert.pem instead of fullchain.pem": Fault({f"CERT-304 problem {EVERY}"}, "leaf only"),
    "a certificate for another host": Fault({f"CERT-302 problem {EVERY}"}, "other name"),
    "expired": Fault({f"CERT-301 problem {EVERY}"}, "expired"),
    "self-signed": Fault({f"CERT-303 problem {EVERY}"}, "self-signed"),
    "the old certificate on one port": Fault({"CERT-309 watch 465"}, of={"465": "old"}),
    "Dovecot not reloaded": Fault({"CERT-309 watch 143,993,110,995"}, of={"dovecot": "old"}),
    "an RSA key of 1024 bits": Fault(
        {f"CERT-311 problem {EVERY}"},
        "weak",
        extra={
            "postfix": "tls_medium_cipherlist = ALL:@SECLEVEL=0\n",
            "dovecot": "ssl_cipher_list = ALL:@SECLEVEL=0\n",
        },
    ),
    "the root between": Fault({f"CERT-316 watch {EVERY}"}, "wrong order"),
    "no STARTTLS on 587": Fault(
        {"MODE-203 problem 587"}, extra={"587": "-o smtpd_tls_security_level=none"}
    ),
    "465 without wrapper mode": Fault(
        {"MODE-202 problem 465"}, extra={"465": "-o smtpd_tls_wrappermode=no"}
    ),
    "Postfix takes passwords in clear": Fault(
        {"MODE-204 problem 587"},
        extra={"587": "-o smtpd_tls_security_level=may -o smtpd_tls_auth_only=no"},
    ),
    "Dovecot takes passwords in clear": Fault(
        {"MODE-204 problem 143", "MODE-204 problem 110"},
        extra={"dovecot": "ssl = yes\ndisable_plaintext_auth = no\n"},
    ),
    "the versions of TLS that are Postfix's own": Fault(
        {"TLS-402 watch 25,465"}, extra={"postfix": OLD_TLS}
    ),
    "TLS 1.0 and 1.1": Fault(
        {"TLS-402 watch 25,993,995,465"},
        extra={
            "postfix": f"{OLD_TLS}tls_medium_cipherlist = ALL:@SECLEVEL=0\n",
            "dovecot": "ssl_min_protocol = TLSv1\nssl_cipher_list = ALL:@SECLEVEL=0\n",
        },
    ),
    "an IPv6 address where nobody is": Fault(
        {f"CONN-105 watch {EVERY}"}, records={HOST: {"A": [ADDRESS], "AAAA": [NOBODY]}}
    ),
    "a TLSA record of the old key": Fault({"DNS-417 problem 25"}, tlsa="00" * 32),
    "an MTA-STS policy with another MX": Fault(
        {"DNS-416 problem"}, mx_of_policy="mx1.example.test"
    ),
    "no map for a second name": Fault(
        {f"CERT-302 problem {PROGRAMS}"},
        records={
            **{
                f"{label}._tcp.second.test": {"SRV": [f"0 1 {port} mail.second.test."]}
                for label, port in SRV.items()
            },
            "second.test": {"MX": [f"10 {HOST}."], "TXT": ['"v=spf1 mx -all"']},
            "_dmarc.second.test": {"TXT": ['"v=DMARC1; p=reject"']},
            "_smtp._tls.second.test": {"TXT": ['"v=TLSRPTv1; rua=mailto:t@second.test"']},
            "mail.second.test": {"A": [ADDRESS]},
        },
        address="ada@second.test",
    ),
    "a name that nobody gave it": Fault(
        {"DNS-423 note 25"}, extra={"postfix": "myhostname = localhost.localdomain\n"}
    ),
}

EXIM_AND_COURIER = {
    "well": Fault(set()),
    "the versions of TLS that are GnuTLS's own": Fault(
        {"TLS-402 watch 25,993,995,465"},
        extra={"exim": "tls_require_ciphers = NORMAL\n", "courier": "TLS_PRIORITY=NORMAL\n"},
    ),
    "Courier's own certificate": Fault(
        {"CERT-303 problem 143,993,110,995"}, of={"courier": "Courier's"}
    ),
    "POP3 forgotten at the renewal": Fault({"CERT-309 watch 110,995"}, of={"pop3": "old"}),
    "Courier takes passwords in clear, as in Debian": Fault(
        {"MODE-204 problem 143"},
        extra={"courier": "IMAP_TLS_REQUIRED=0\nPOP3_TLS_REQUIRED=0\n"},
    ),
    # GnuTLS puts them in order; the root is not needed.
    "Exim's chain in the wrong order": Fault(
        {"CERT-316 note 25,465,587"}, of={"exim": "wrong order"}
    ),
    "Exim advertises no STARTTLS": Fault(
        {"MODE-203 problem 587", "MODE-203 problem 25", "DNS-417 problem 25"},
        extra={"exim": "tls_advertise_hosts =\n"},
    ),
    "Exim may not read its key": Fault(
        {"MODE-203 problem 25,587", "TLS-408 problem 465"},
        extra={"exim": "tls_privatekey = /root/mail.key\n"},
    ),
}


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    with island():
        if subprocess.run(["sh", "-c", _ROUTES], check=False).returncode:
            lacking("no such routes on this kernel")
        yield


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Papers]:
    """With the authority's web page, where a missing link can be fetched."""
    papers = Papers.made(tmp_path_factory.mktemp("papers"), HOST)
    page = partial(_Quiet, directory=str(papers.page))
    with http.server.ThreadingHTTPServer((CA_ADDRESS, 80), page) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield papers
        web.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def policy(papers: Papers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of the MTA-STS policy, to be written."""
    name, directory = f"mta-sts.{DOMAIN}", tmp_path_factory.mktemp("web")
    with policy_hosts(directory, {name: PolicyHost(papers.of(name), "")}):
        yield directory / name / ".well-known/mta-sts.txt"


@pytest.mark.parametrize("name", POSTFIX_AND_DOVECOT)
def test_postfix_and_dovecot(name: str, papers: Papers, policy: Path) -> None:
    fault = POSTFIX_AND_DOVECOT[name]
    checked(fault, postfix_and_dovecot(host(fault, papers)), papers, policy)


@pytest.mark.parametrize("name", EXIM_AND_COURIER)
def test_exim_and_courier(name: str, papers: Papers, policy: Path) -> None:
    fault = EXIM_AND_COURIER[name]
    fault = replace(fault, told=COURIERS | fault.told)
    checked(fault, exim_and_courier(host(fault, papers)), papers, policy)


def host(fault: Fault, papers: Papers) -> Host:
    of = {place: papers.pki[kind] for place, kind in fault.of.items()}
    return Host(HOST, ADDRESS, papers.pki[fault.pki], of, fault.extra)


def checked(
    fault: Fault, running: AbstractContextManager[None], papers: Papers, policy: Path
) -> None:
    policy.write_text(
        f"version: STSv1\nmode: enforce\nmx: {fault.mx_of_policy}\nmax_age: 604800\n"
    )
    on_25 = papers.key_digests[fault.of.get("exim", fault.pki)]
    stub = StubDns(zones(fault.tlsa or on_25, fault.records), authentic=True)
    with running, in_thread(stub) as resolver:
        report = check(fault.address, "--resolver", resolver, "--trust", str(papers.root))
    told = {line(finding) for finding in report["findings"]}
    assert told - EXPLAINED == fault.told
    worst = {one.split()[1] for one in told}
    assert report["exit_status"] == (2 if "problem" in worst else 1 if "watch" in worst else 0)


def check(*words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "mailclad", "check", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["exit_status"] == done.returncode
    return report


def line(finding: Mapping[str, Any]) -> str:
    ports = {place["port"] for place in finding["places"]}
    words = ",".join(port for port in EVERY.split(",") if int(port) in ports)
    return f"{finding['id']} {finding['level']} {words}".strip()


def reverse_name(address: str) -> str:
    return from_address(address).to_text(omit_final_dot=True)


def zones(key_digest: str, changes: Records) -> Records:
    services = {
        f"{label}._tcp.{DOMAIN}": {"SRV": [f"0 1 {port} {HOST}."]} for label, port in SRV.items()
    }
    return {
        DOMAIN: {"MX": [f"10 {HOST}."], "TXT": ['"v=spf1 mx -all"']},
        f"_dmarc.{DOMAIN}": {"TXT": ['"v=DMARC1; p=reject"']},
        f"_smtp._tls.{DOMAIN}": {"TXT": ['"v=TLSRPTv1; rua=mailto:tls@example.test"']},
        f"_mta-sts.{DOMAIN}": {"TXT": ['"v=STSv1; id=1;"']},
        f"mta-sts.{DOMAIN}": {"A": [WEB_ADDRESS]},
        HOST: {"A": [ADDRESS]},
        f"_25._tcp.{HOST}": {"TLSA": [f"3 1 1 {key_digest}"]},
        **{reverse_name(address): {"PTR": [f"{HOST}."]} for address in (ADDRESS, NOBODY)},
        CA_HOST: {"A": [CA_ADDRESS]},
        **services,
        **changes,
    }
