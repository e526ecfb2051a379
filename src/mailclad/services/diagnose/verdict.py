"""What a check comes to for a person: can I read, can I send, will others reach me, is it safe?

Comes in: what was discovered, what was seen, and the findings in words.  Goes out: the answers,
the table of endpoints, a sentence for each thing that is fine, and the verdict.  An endpoint works
if it answers, comes to TLS and has no problem among the findings.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.diagnose.discovery import Discovery, exchange_endpoint
from mailclad.services.diagnose.facts import HostSeen, PolicySeen, PortSeen, Reach
from mailclad.services.diagnose.found import Level
from mailclad.services.diagnose.place import PROTOCOLS, TLS_WORDS
from mailclad.services.diagnose.report import Answer, Seen
from mailclad.services.diagnose.told import Told

READING = frozenset({MailProtocol.IMAP, MailProtocol.POP3})
SENDING = frozenset({MailProtocol.SUBMISSION})

_ORDER = (
    MailProtocol.IMAP,
    MailProtocol.POP3,
    MailProtocol.SUBMISSION,
    MailProtocol.SMTP,
    MailProtocol.SIEVE,
    MailProtocol.HTTPS,
)
_REACH_WORDS: Mapping[Reach, str] = {
    Reach.REFUSED: "nobody answers",
    Reach.SILENT: "no answer",
    Reach.UNREACHABLE: "not reachable from here",
    Reach.RESET: "closes at once",
    Reach.OPEN: "answers, without encryption",
}
_INTERFERENCE = frozenset({"CERT-312", "CERT-306", "CONN-104", "MODE-205"})
"""What somebody between here and there, or this computer's clock, is behind."""

_TURNED_AWAY = "CONN-108"
"""Nothing is known then of what others, or we another time, would get."""

_UNREACHED = frozenset({"DNS-411", "DNS-416", "DNS-417", "DNS-418"})
"""Of the domain, what stops mail from others."""

_DOMAIN_CHECKS: tuple[tuple[str, Callable[[PolicySeen], bool], str], ...] = (
    (
        "DNS-411",
        lambda seen: bool(seen.mx.records),
        "The domain names servers that take its mail (MX).",
    ),
    (
        "DNS-412",
        lambda seen: any(one.confirmed for at in seen.exchanges for one in at.reverse),
        "The mail servers' addresses have reverse names.",
    ),
    (
        "DNS-413",
        lambda seen: bool(seen.spf.records),
        "It says which servers send its mail (SPF).",
    ),
    (
        "DNS-415",
        lambda seen: bool(seen.dmarc.records),
        "It says what happens to forged mail (DMARC).",
    ),
    ("DNS-418", lambda seen: seen.mx.secure, "The domain's DNSSEC signatures are right."),
    (
        "DNS-419",
        lambda seen: bool(seen.caa) and not any(one.problem for one in seen.caa.values()),
        "No CAA record keeps the certificate's issuer from renewing it.",
    ),
)
"""Fine where it was looked up, is there, and has no finding of this id."""


@dataclass(frozen=True, slots=True)
class Verdict:
    sentence: str
    answers: tuple[Answer, ...]
    endpoints: tuple[Seen, ...]
    fine: tuple[str, ...]
    found_in: str


class Judgement:
    """Everything of one check, asked from several sides."""

    def __init__(
        self,
        found: Discovery,
        hosts: Sequence[HostSeen],
        policies: PolicySeen | None,
        told: Sequence[Told],
    ) -> None:
        self._found = found
        self._policies = policies
        self._told = told
        self._ports: dict[Endpoint, list[PortSeen]] = {}
        for host in hosts:
            for port in host.ports:
                self._ports.setdefault(port.endpoint, []).append(port)

    def verdict(self) -> Verdict:
        read = self._answer("Can I read my mail?", READING, "IMAP or POP3")
        send = self._answer("Can I send mail?", SENDING, "mail submission")
        answers = [read, send]
        if self._found.domain:
            answers.append(self._reached())
        answers.append(self._safe())
        return Verdict(
            self._sentence(answers),
            tuple(answers),
            tuple(self._rows()),
            tuple(self._fine()),
            self._found_in(),
        )

    @cached_property
    def working(self) -> tuple[Endpoint, ...]:
        """The best first: promised before guessed, implicit TLS before STARTTLS."""
        promised = self._found.promised
        works = [one for one in self._ports if self._level(one) in {Level.OK, Level.WATCH}]
        return tuple(
            sorted(
                works,
                key=lambda one: (
                    _ORDER.index(one.protocol),
                    one not in promised,
                    one.tls is not TlsMode.IMPLICIT,
                ),
            )
        )

    @property
    def _provider_note(self) -> str:
        """Of who has nothing for programs."""
        provider = self._found.provider
        return provider.note if provider is not None and not provider.endpoints else ""

    @cached_property
    def guessed(self) -> frozenset[str]:
        """Hosts that nobody has named for programs, where others do all that is needed."""
        best = (self.best(READING), self.best(SENDING))
        if None in best:
            return frozenset()
        named = {one.host for one in self._found.promised if one.protocol is not MailProtocol.SMTP}
        used = {one.host for one in best if one is not None}
        taking = set(self._found.exchanges)
        return frozenset(one.host for one in self._ports) - named - used - taking

    def best(self, protocols: Collection[MailProtocol]) -> Endpoint | None:
        return next((one for one in self.working if one.protocol in protocols), None)

    def _sentence(self, answers: Sequence[Answer]) -> str:
        read, send, *_ = answers
        levels = {one.level for one in (read, send)} - {Level.NOTE}
        if not levels:
            return self._sentence_without_programs()
        if levels == {Level.OK}:
            bad = any(told.level is Level.PROBLEM for told in self._told)
            return "mail works for you, with a problem" if bad else "mail works and is encrypted"
        if Level.OK in levels:
            works, other = ("read", send) if read.level is Level.OK else ("sent", read)
            lacks = "sent" if works == "read" else "read"
            if other.level is Level.CANNOT_CHECK:
                return f"mail can be {works}; whether it can be {lacks} could not be checked"
            return f"mail can be {works}, but not {lacks}"
        if levels == {Level.CANNOT_CHECK}:
            return "it could not be reached from here"
        if Reach.OPEN not in self._reaches(filter(_is_mail, self._ports)):
            return "no mail server answers"
        return "mail does not work safely"

    def _sentence_without_programs(self) -> str:
        if self._provider_note:
            return "programs cannot read or send this mail directly"
        if self._found.takes_no_mail:
            return "it says that it takes no mail"
        levels = {told.level for told in self._told}
        if self.working:
            return "it works and is encrypted"
        seen = Level.CANNOT_CHECK in levels or any(map(self._turns_away, self._ports))
        unknown = seen and Level.PROBLEM not in levels
        return "it could not be reached from here" if unknown else "it does not work safely"

    # The four answers

    def _answer(self, question: str, protocols: Collection[MailProtocol], what: str) -> Answer:
        good = self.best(protocols)
        if good is not None:
            return Answer(question, f"Yes, by {in_words(good)}.", Level.OK)
        if self._provider_note:
            return Answer(question, self._provider_note, Level.NOTE)
        if not self._ports:
            return self._nothing_looked_at(question)
        return Answer(question, *self._why_not(protocols, what))

    def _nothing_looked_at(self, question: str) -> Answer:
        if self._found.takes_no_mail:
            return Answer(question, "No: the domain says that it takes no mail.", Level.NOTE)
        if any(told.id == "CONN-109" for told in self._told):
            text = "Could not check: the DNS did not say where the servers are. See CONN-109."
            return Answer(question, text, Level.CANNOT_CHECK)
        return Answer(question, "No: no mail server was found.", Level.PROBLEM)

    def _why_not(self, protocols: Collection[MailProtocol], what: str) -> tuple[str, Level]:
        endpoints = [one for one in self._ports if one.protocol in protocols]
        reaches = self._reaches(endpoints)
        if not reaches:
            return f"Not asked: no port for {what} was looked at.", Level.NOTE
        if reaches <= {Reach.UNREACHABLE}:
            return "Could not check: this computer has no way to the server.", Level.CANNOT_CHECK
        problems = self._ids(endpoints, Level.PROBLEM)
        if not problems and any(map(self._turns_away, endpoints)):
            text = f"Could not check: the server turned this computer away. See {_TURNED_AWAY}."
            return text, Level.CANNOT_CHECK
        if Reach.OPEN in reaches:
            see = f" See {', '.join(problems)}." if problems else ""
            return f"Not safely.{see}", Level.PROBLEM
        if not self._found.domain and self.working:
            return f"Not here: no {what} answers.", Level.NOTE
        return f"No: no {what} answers.", Level.PROBLEM

    def _reached(self) -> Answer:
        question = "Will others reach me?"
        stopping = [one.id for one in self._told if self._stops(one)]
        ports = [exchange_endpoint(host) for host in self._found.exchanges]
        problems = [*stopping, *self._ids(ports, Level.PROBLEM)]
        if problems:
            text = f"Not all of them. See {', '.join(dict.fromkeys(problems))}."
            return Answer(question, text, Level.PROBLEM)
        if not ports:
            if self._found.mx.problem:
                return self._nothing_looked_at(question)
            level = Level.NOTE if self._found.takes_no_mail else Level.PROBLEM
            return Answer(question, "No: the domain takes no mail.", level)
        welcome = [one for one in ports if not self._turns_away(one)]
        through = next((one for one in welcome if Reach.OPEN in self._reaches([one])), None)
        if through is not None:
            return Answer(question, f"Yes, through {through.host}.", Level.OK)
        what = "does not answer here. Many networks block it"
        if len(welcome) < len(ports):
            what = "turned this computer away. Many do so with homes and offices"
        text = f"Could not check: port 25 {what}, and other mail servers may reach it."
        return Answer(question, text, Level.CANNOT_CHECK)

    def _safe(self) -> Answer:
        question = "Is it safe on this network?"
        found = [one.id for one in self._told if one.id in _INTERFERENCE and _is_bad(one)]
        if found:
            return Answer(question, f"No. See {', '.join(dict.fromkeys(found))}.", Level.PROBLEM)
        if self.working:
            text = "Yes: the servers proved who they are, and nobody was seen in between."
            return Answer(question, text, Level.OK)
        text = "Could not check: no server here could prove who it is."
        return Answer(question, text, Level.CANNOT_CHECK)

    # The table

    def _rows(self) -> Iterable[Seen]:
        for endpoint in self.working:
            if endpoint.protocol is not MailProtocol.HTTPS:
                yield Seen(endpoint, self._level(endpoint), "works")
        shown = set(self.working)
        for endpoint in sorted(self._ports, key=lambda one: _ORDER.index(one.protocol)):
            is_open = Reach.OPEN in self._reaches([endpoint])
            if endpoint not in shown and (is_open or endpoint in self._found.promised):
                yield Seen(endpoint, *self._trouble(endpoint))

    def _trouble(self, endpoint: Endpoint) -> tuple[Level, str]:
        """What stands in the way: its worst findings, or how far a connection came."""
        for level in (Level.PROBLEM, Level.WATCH, Level.CANNOT_CHECK):
            ids = self._ids([endpoint], level)
            if ids:
                away = level is Level.WATCH and self._turns_away(endpoint)
                return Level.CANNOT_CHECK if away else level, f"see {', '.join(ids)}"
        reach = min(self._reaches([endpoint]), key=list(Reach).index)
        return Level.PROBLEM, _REACH_WORDS[reach]

    def _fine(self) -> Iterable[str]:
        touched = {endpoint for told in self._told for endpoint in endpoints_of(told)}
        for endpoint in self.working:
            if endpoint not in touched:
                where = f"{endpoint.host} port {endpoint.port}"
                yield f"{where} answers, is encrypted, and proves who it is."
        ids = {told.id for told in self._told}
        seen = self._policies
        if seen is not None and not seen.mx.problem:
            checks = ((known, text) for known, is_there, text in _DOMAIN_CHECKS if is_there(seen))
            yield from (text for known, text in checks if known not in ids)

    def _found_in(self) -> str:
        places = self._found.places
        for protocols in (READING, SENDING):
            good = self.best(protocols)
            if good in places:
                return ", ".join(dict.fromkeys(seen.place for seen in places[good]))
        return ""

    # Of endpoints

    def _level(self, endpoint: Endpoint) -> Level:
        ports = self._ports[endpoint]
        encrypted = any(one.done for port in ports for one in port.handshakes)
        if not encrypted or self._turns_away(endpoint):
            return Level.PROBLEM
        levels = [told.level for told in self._told if endpoint in endpoints_of(told)]
        if Level.PROBLEM in levels:
            return Level.PROBLEM
        return Level.WATCH if Level.WATCH in levels else Level.OK

    def _ids(self, endpoints: Iterable[Endpoint], level: Level) -> list[str]:
        asked = set(endpoints)
        found = (t.id for t in self._told if t.level is level and asked & endpoints_of(t))
        return list(dict.fromkeys(found))

    def _stops(self, told: Told) -> bool:
        is_lost = told.id == "CONN-101" and told.found.host in self._found.exchanges
        return told.level is Level.PROBLEM and (is_lost or told.id in _UNREACHED)

    def _turns_away(self, endpoint: Endpoint) -> bool:
        return any(
            told.id == _TURNED_AWAY and endpoint in endpoints_of(told) for told in self._told
        )

    def _reaches(self, endpoints: Iterable[Endpoint]) -> set[Reach]:
        return {port.reach for one in endpoints for port in self._ports.get(one, ())}


def in_words(endpoint: Endpoint) -> str:
    protocol = PROTOCOLS[endpoint.protocol]
    return f"{protocol} at {endpoint.host}, port {endpoint.port}, {TLS_WORDS[endpoint.tls]}"


def endpoints_of(told: Told) -> set[Endpoint]:
    also = {endpoint for _, endpoint in told.found.also}
    return also if told.found.endpoint is None else also | {told.found.endpoint}


def _is_mail(endpoint: Endpoint) -> bool:
    return endpoint.protocol is not MailProtocol.HTTPS


def _is_bad(told: Told) -> bool:
    return told.level in {Level.PROBLEM, Level.WATCH}
