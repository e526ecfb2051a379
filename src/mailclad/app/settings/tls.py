"""[tls]: the certificates that are served."""

from collections.abc import Iterator
from pathlib import Path

from mailclad.app.settings.checks import is_address, is_domain
from mailclad.app.strict import Strict, Wrong


class CertificateFiles(Strict, frozen=True, kw_only=True):
    """A certificate with its chain, and its key, in PEM; renewed files are noticed."""

    certificate: Path
    key: Path


class TlsConfig(Strict, frozen=True, kw_only=True):
    """One certificate, more of them for other names, or our own private CA.

    ``directory`` is certbot's or Caddy's, instead of ``certificate`` and ``key``.
    ``names`` are host names and addresses beside the hostname for the private CA's certificate.
    """

    certificate: Path | None = None
    key: Path | None = None
    directory: Path | None = None
    certificates: tuple[CertificateFiles, ...] = ()
    private_ca: bool = False
    names: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[CertificateFiles, ...]:
        if self.directory is not None:
            return (_files_in(self.directory), *self.certificates)
        if self.certificate is None or self.key is None:
            return self.certificates
        return (
            CertificateFiles(certificate=self.certificate, key=self.key),
            *self.certificates,
        )

    @property
    def rival_of_acme(self) -> str:
        """What else gives a certificate for the hostname; others stand beside it."""
        if self.private_ca:
            return "tls.private_ca"
        if self.directory:
            return "tls.directory"
        return "tls.certificate and tls.key" if self.certificate else ""

    def wrong(self) -> Iterator[Wrong]:
        for number, name in enumerate(self.names):
            if not is_domain(name.removeprefix("*.")) and not is_address(name):
                yield ("names", number), f"“{name}” is not a host name or address"
        if (self.certificate is None) != (self.key is None):
            given, other = ("certificate", "key") if self.certificate else ("key", "certificate")
            yield (given,), f"needs tls.{other} beside it"
        if self.directory and self.certificate:
            yield (
                ("directory",),
                "remove it, or tls.certificate and tls.key: one of the two is used",
            )
        if self.private_ca and self.files:
            others = "tls.directory" if self.directory else "tls.certificate and tls.key"
            text = f"set it to false, or remove {others}: one of the two is used"
            yield ("private_ca",), text


_seen: dict[Path, CertificateFiles] = {}
"""What folders had while this process saw into them: certbot's are closed to all but root."""


def _files_in(directory: Path) -> CertificateFiles:
    """Caddy calls the two as the folder is called, certbot and most others as it does."""
    named = directory / f"{directory.name}.crt"
    usual = CertificateFiles(
        certificate=directory / "fullchain.pem", key=directory / "privkey.pem"
    )
    try:
        is_caddys = named.exists()
    except PermissionError:
        return _seen.get(directory, usual)
    found = CertificateFiles(certificate=named, key=named.with_suffix(".key"))
    _seen[directory] = found if is_caddys else usual
    return _seen[directory]
