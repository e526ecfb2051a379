"""A profile signed by the server's certificate: devices then show “Verified”.

RFC 5652 (CMS, SignedData).  Only where a public authority has signed the certificate: under a
private one the device would warn of the signature, which is worse than none.
"""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7Options,
    PKCS7SignatureBuilder,
)

from mailclad.base.secret import Secret


def signed(octets: bytes, chain_pem: bytes, key_pem: Secret) -> bytes:
    """``octets`` inside a signature, DER; as they are where the key cannot sign CMS."""
    # It is served already: to prove an RSA key again costs up to 250 ms, at anybody's request.
    key = load_pem_private_key(key_pem.reveal(), None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, EllipticCurvePrivateKey | RSAPrivateKey):
        return octets
    leaf, *others = x509.load_pem_x509_certificates(chain_pem)
    builder = PKCS7SignatureBuilder().set_data(octets).add_signer(leaf, key, SHA256())
    for certificate in others:
        builder = builder.add_certificate(certificate)
    return builder.sign(Encoding.DER, [PKCS7Options.Binary])
