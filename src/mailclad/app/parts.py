"""What a server is made of: what all workers share, and the parts of each."""

from dataclasses import dataclass

from mailclad.app.config import Config
from mailclad.app.sockets import Bound
from mailclad.base.clock import Clock
from mailclad.base.https import Https
from mailclad.base.octets import NewSpool
from mailclad.base.secret import Secret
from mailclad.engines.dns.resolver import DnsResolver
from mailclad.servers.own_checks import OwnChecks
from mailclad.servers.tls import ClientTrust, ContextTable
from mailclad.services.auth.authenticator import Authenticator
from mailclad.services.auth.device_use import DeviceUse
from mailclad.services.auth.password import PasswordChecker
from mailclad.services.auth.throttle import ThrottleTables
from mailclad.services.client_setup.board import WatchBoard
from mailclad.services.client_setup.lookout import Lookout
from mailclad.services.client_setup.watching import SetupWatching
from mailclad.services.deliver.sts_policies import KeptStsPolicies
from mailclad.services.receive.hooks import Hooks
from mailclad.services.receive.rates import RateTable
from mailclad.services.receive.reception import Reception
from mailclad.services.reports.addresses import ReportAddresses
from mailclad.services.reports.counting import Counting
from mailclad.services.reports.intake import Intake
from mailclad.services.reports.notes import NoNotes, Notes
from mailclad.services.submit.signing import Signing
from mailclad.services.submit.submission import Submission
from mailclad.services.tls_watch.watch import Watching
from mailclad.store.interface import Store
from mailclad.store.trace import Trace


@dataclass(frozen=True, slots=True)
class Shared:
    """What all workers share; ``contexts`` is None where no port is encrypted.

    ``trust`` are the system's authorities: 15 ms and 1 MB that one process reads for all.
    """

    config: Config
    bound: tuple[Bound, ...]
    contexts: ContextTable | None
    secret: Secret
    throttle: ThrottleTables
    rates: RateTable
    trust: ClientTrust
    own_checks: OwnChecks
    board: WatchBoard


@dataclass(frozen=True, slots=True)
class Parts:
    """What the servers are made of."""

    shared: Shared
    clock: Clock
    new_spool: NewSpool
    store: Store
    trace: Trace
    checker: PasswordChecker
    authenticator: Authenticator
    resolver: DnsResolver
    reception: Reception
    signing: Signing
    submission: Submission
    https: Https
    sts: KeptStsPolicies
    counting: Counting | None
    watch: Watching
    device_use: DeviceUse
    lookout: Lookout
    watching: SetupWatching
    intake: Intake
    hooks: tuple[Hooks, ...]

    @property
    def notes(self) -> Notes:
        """What reports of ours will say is told to these."""
        return self.counting or NoNotes()

    @property
    def report_addresses(self) -> ReportAddresses:
        """Which addresses of ours are for reports of others."""
        return ReportAddresses(self.shared.config.reports.addresses)

    @property
    def starttls(self) -> bool:
        """Not offered where it could only fail (RFC 8314 §4)."""
        return self.shared.contexts is not None
