"""What the result types of TLS reports mean for who runs the server (RFC 8460 §4.3)."""

from collections.abc import Mapping

from mailclad.mail.tls_rpt import ResultType

MEANINGS: Mapping[ResultType, tuple[str, str]] = {
    ResultType.STARTTLS_NOT_SUPPORTED: (
        "The server did not offer STARTTLS.",
        "Give the server a certificate, and look for a firewall that rewrites SMTP on port 25.",
    ),
    ResultType.CERTIFICATE_HOST_MISMATCH: (
        "The certificate is not for the name that the MX record gives.",
        "Get a certificate for that name, or correct the MX record.",
    ),
    ResultType.CERTIFICATE_EXPIRED: (
        "The certificate had expired.",
        "Renew it, and see why it was not renewed by itself.",
    ),
    ResultType.CERTIFICATE_NOT_TRUSTED: (
        "The certificate leads to no authority that the sender trusts.",
        "Serve the whole chain, from an authority that everybody trusts: not a private one.",
    ),
    ResultType.VALIDATION_FAILURE: (
        "TLS failed for another reason.",
        "The reporter's own words, if it gave any, say why.",
    ),
    ResultType.TLSA_INVALID: (
        "No TLSA record fits the certificate.",
        "Publish one: mail from servers that use DANE waits until then.",
    ),
    ResultType.DNSSEC_INVALID: (
        "DNSSEC of the domain does not validate.",
        "Check the signatures and the DS record with whoever runs your DNS.",
    ),
    ResultType.DANE_REQUIRED: (
        "The sender demands DANE, and there are no TLSA records.",
        "Publish TLSA records, or ask the sender why it demands them.",
    ),
    ResultType.STS_POLICY_FETCH_ERROR: (
        "The MTA-STS policy could not be fetched.",
        "See that https://mta-sts.YOUR-DOMAIN/.well-known/mta-sts.txt can be reached.",
    ),
    ResultType.STS_POLICY_INVALID: (
        "The MTA-STS policy is not in the right form, or does not name the server.",
        "Correct the policy, then change the id in the _mta-sts record.",
    ),
    ResultType.STS_WEBPKI_INVALID: (
        "The web server with the MTA-STS policy has no valid certificate.",
        "Get a certificate for mta-sts.YOUR-DOMAIN.",
    ),
}
"""Meaning, and what to do."""
