"""Private calls: key, signature, nonce; and the tokens that open private channels.

Signature: Kraken, "Spot REST authentication": base64 of HMAC-SHA512, keyed with the decoded secret, over the path and
SHA256(nonce + body).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from services.exchange_simulator.errors import BadConfiguration, KrakenError
from services.exchange_simulator.store import Store

TOKEN_SECONDS = 900
NONCE_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class Credentials:
    key: str
    secret: bytes

    @classmethod
    def of(cls, key: str, secret: str) -> "Credentials":
        """Raises BadConfiguration if the secret is not base64."""
        try:
            return cls(key, base64.b64decode(secret, validate=True))
        except binascii.Error:
            raise BadConfiguration(
                "the API secret is not base64; generate one with `openssl rand -base64 64`"
            ) from None


def signature(secret: bytes, path: str, nonce: str, body: bytes) -> str:
    digest = hashlib.sha256(nonce.encode() + body).digest()
    return base64.b64encode(hmac.new(secret, path.encode() + digest, hashlib.sha512).digest()).decode()


class Gatekeeper:
    def __init__(self, credentials: Credentials, store: Store, wall: Callable[[], float]) -> None:
        self._credentials = credentials
        self._store = store
        self._wall = wall
        self._nonces = store.nonces()

    def admit(self, key: str, signed: str, path: str, nonce: str, body: bytes) -> None:
        """Raises KrakenError unless the call is signed by the key with a nonce above all before it."""
        if not hmac.compare_digest(key, self._credentials.key):
            raise KrakenError("EAPI:Invalid key")
        if not hmac.compare_digest(signed, signature(self._credentials.secret, path, nonce, body)):
            raise KrakenError("EAPI:Invalid signature")
        if not nonce.isascii() or not nonce.isdigit() or int(nonce) >= NONCE_LIMIT:
            raise KrakenError("EAPI:Invalid nonce")
        if int(nonce) <= self._nonces.get(key, -1):
            raise KrakenError("EAPI:Invalid nonce")
        self._nonces[key] = int(nonce)
        self._store.save_nonce(key, int(nonce))

    def token(self) -> str:
        """Carries its own time and proof, so that it outlives a restart of the venue, as Kraken's does."""
        issued = int(self._wall())
        return f"{issued:x}.{self._seal(issued)}"

    def check_token(self, token: str) -> None:
        """Raises KrakenError for a token that is not ours or too old."""
        issued, _, seal = token.partition(".")
        try:
            time = int(issued, 16)
        except ValueError:
            raise KrakenError("ESession:Invalid session") from None
        if not hmac.compare_digest(seal.encode(), self._seal(time).encode()):
            raise KrakenError("ESession:Invalid session")
        if self._wall() - time > TOKEN_SECONDS:
            raise KrakenError("ESession:Invalid session")

    def _seal(self, issued: int) -> str:
        proof = hmac.new(self._credentials.secret, f"token {issued}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(proof.digest()).decode().rstrip("=")
