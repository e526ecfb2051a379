"""A SCRAM client of our own, for tests: says what it is told to say, right or wrong."""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass


@dataclass
class ScramClient:
    login: bytes
    password: bytes
    header: bytes = b"n,,"
    binding: bytes = b""
    nonce: bytes = b"clientnonce"

    def first(self) -> bytes:
        self.bare = b"n=" + self.login + b",r=" + self.nonce
        return self.header + self.bare

    def final(self, server_first: bytes) -> bytes:
        found = re.fullmatch(rb"r=([^,]+),s=([^,]+),i=(\d+)", server_first)
        assert found is not None
        salted = hashlib.pbkdf2_hmac("sha256", self.password, b64decode(found[2]), int(found[3]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        stored_key = hashlib.sha256(client_key).digest()
        bare = b"c=" + b64encode(self.header + self.binding) + b",r=" + found[1]
        message = b",".join([self.bare, server_first, bare])
        signature = hmac.digest(stored_key, message, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        self.server_final = b"v=" + b64encode(hmac.digest(server_key, message, "sha256"))
        return bare + b",p=" + b64encode(proof)
