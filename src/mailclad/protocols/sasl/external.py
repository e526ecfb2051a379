"""EXTERNAL: who the client is was proven below, by its TLS certificate (RFC 4422 appendix A).

Prepared: no listener asks for client certificates yet, so no protocol offers it.
In: the decoded response.  Out: the authorization identity, empty for "whoever I am".
"""

from mailclad.protocols.sasl.problem import SaslProblem


def parse_external(response: bytes) -> str:
    if b"\0" in response:
        raise SaslProblem("EXTERNAL takes an authorization identity without NUL")
    try:
        return response.decode()
    except UnicodeDecodeError:
        raise SaslProblem("the authorization identity is not UTF-8") from None
