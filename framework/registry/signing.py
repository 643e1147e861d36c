"""Ed25519 signatures over records, and the conditions for loading the files of a record.

Digests show that files are undamaged; a signature shows that someone who holds the key vouches for the record. It
covers every key of a record except `model_uri`, because a copy of a registry has other addresses and the same
content. A record is signed when it is registered, or later by an event of the registry; either counts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from bike_traffic.errors import IntegrityError, MissingExtra, SettingsError, WriteError
from bike_traffic.extras import pip_words

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    from bike_traffic.config import Settings
    from bike_traffic.registry.records import ModelRecord

SIGNATURE = "signature"
"""The key of a record's signature in its JSON."""
Signature = Mapping[str, str]
"""The name of the algorithm, that of the key, and the value, as they are written in JSON."""
_END = b"-----END PUBLIC KEY-----"
_DIFFERS = "its content differs from what was signed"


class SignatureLog(Protocol):
    """A registry, as far as it keeps signatures that were added to its records later."""

    def signatures(self) -> Mapping[str, Sequence[Signature]]:
        """Return them by run."""


@attrs.frozen
class SigningKey:
    """A private key, and the name of its public half."""

    private: Ed25519PrivateKey
    key_id: str

    @classmethod
    def read(cls, path: Path) -> SigningKey:
        """Read a key that `generate_keys` wrote; raise `SettingsError` or `MissingExtra`."""
        serialization, ed25519 = _cryptography()
        content = _bytes(path)
        try:
            private = serialization.load_pem_private_key(content, password=None)
        except (ValueError, TypeError):
            private = None
        if not isinstance(private, ed25519.Ed25519PrivateKey):
            raise SettingsError(
                f"{path} is not an Ed25519 private key; `bt registry keygen` makes one",
                "private-key-malformed",
                path=str(path),
            )
        return cls(private, _key_id(private.public_key()))

    def sign(self, entry: Mapping[str, Any]) -> dict[str, str]:
        """Return a signature over an entry, as it is written in JSON."""
        value = base64.b64encode(self.private.sign(_canonical(entry))).decode()
        return {"algorithm": "ed25519", "key": self.key_id, "value": value}

    def signature_of(self, record: ModelRecord) -> dict[str, str]:
        """Return a signature over a record, whether it has one or not."""
        return self.sign(_signed_part(record))

    def sign_record(self, record: ModelRecord) -> ModelRecord:
        """Return the record with its signature."""
        return attrs.evolve(record, signature=self.signature_of(record))

    @property
    def public(self) -> PublicKeys:
        """Its public half."""
        return PublicKeys({self.key_id: self.private.public_key()})

    @classmethod
    def of(cls, settings: Settings) -> SigningKey | None:
        """Return the key that the settings name; raise `SettingsError` if it cannot be read."""
        return cls.read(settings.signing_key) if settings.signing_key else None


@attrs.frozen
class PublicKeys:
    """The trusted keys by name; there can be several, because keys are replaced over time."""

    keys: Mapping[str, Ed25519PublicKey]

    @classmethod
    def read(cls, path: Path) -> PublicKeys:
        """Read a file of one or more public keys, one PEM block after the other."""
        serialization, ed25519 = _cryptography()
        blocks = [block + _END for block in _bytes(path).split(_END) if block.strip()]
        keys = []
        for block in blocks:
            try:
                keys.append(serialization.load_pem_public_key(block.strip()))
            except ValueError:
                keys.append(None)
        if not keys or not all(isinstance(key, ed25519.Ed25519PublicKey) for key in keys):
            raise SettingsError(
                f"{path} is not a file of Ed25519 public keys; `bt registry keygen` makes one",
                "public-keys-malformed",
                path=str(path),
            )
        return cls({_key_id(key): key for key in keys})

    def fault(self, entry: Mapping[str, Any], signature: object) -> str | None:
        """Return what is wrong with a signature over an entry; ``None`` if it is right."""
        from cryptography.exceptions import InvalidSignature

        if not isinstance(signature, Mapping):
            return "it is not signed"
        key = self.keys.get(str(signature.get("key")))
        if key is None:
            return f"it is signed with a key that is not trusted here ({signature.get('key')})"
        try:
            key.verify(base64.b64decode(str(signature.get("value")), validate=True), _canonical(entry))
        except (InvalidSignature, ValueError, RecursionError):
            return _DIFFERS
        return None

    @staticmethod
    def is_signed(record: ModelRecord, later: Sequence[Signature] = ()) -> bool:
        """Return whether a record has a signature, valid or not, its own or a later one."""
        return bool(later) or record.signature is not None or SIGNATURE in record.extra

    def fault_of(self, record: ModelRecord, later: Sequence[Signature] = ()) -> str | None:
        """Return what is wrong with a record's own and later signatures; ``None`` if any of them is right."""
        signed = _signed_part(record)
        given = [record.signature, *later] if record.signature is not None or not later else later
        faults = [self.fault(signed, one) for one in given]
        return None if None in faults else next((fault for fault in faults if fault == _DIFFERS), faults[0])


@attrs.frozen(kw_only=True)
class Trust:
    """The conditions for loading the files of a record.

    Parameters
    ----------
    public_keys : if they are set, only records signed by one of them are loaded.
    unverified : whether files of a record without digests may be loaded.
    """

    public_keys: PublicKeys | None = None
    unverified: bool = False

    @classmethod
    def of(cls, settings: Settings, *, unverified: bool = False) -> Trust:
        """Return the conditions of the settings; raise `SettingsError` if their key cannot be read."""
        keys = PublicKeys.read(settings.public_key) if settings.public_key else None
        return cls(public_keys=keys, unverified=unverified)

    def fault_finder(self, registry: SignatureLog) -> Callable[[ModelRecord], str | None]:
        """Return the function that returns what is wrong with the signature of a record of `registry`.

        It returns ``None`` if the signature is right, or no key is set. Later signatures are read once.
        """
        keys = self.public_keys
        if keys is None:
            return lambda _: None
        later = registry.signatures()
        return lambda record: keys.fault_of(record, later.get(record.run_id, ()))

    def require_signature(
        self, registry: SignatureLog, record: ModelRecord, outcome: str = "nothing was loaded"
    ) -> None:
        """Raise `IntegrityError` if a key is set and the signature is not right; `outcome` ends the message."""
        if fault := self.fault_finder(registry)(record):
            raise IntegrityError(
                f"record {record.run_id}: {fault}; {outcome}",
                "record-not-trusted",
                run_id=record.run_id,
                fault=fault,
            )

    def require(self, registry: SignatureLog, record: ModelRecord) -> None:
        """Raise `IntegrityError` if a record of `registry` does not meet the conditions."""
        self.require_signature(registry, record)
        if not record.artifacts and not self.unverified:
            raise IntegrityError(
                f"record {record.run_id} has no digests (it was not written by bike-traffic): its files cannot be "
                "checked, and nothing was loaded; --allow-unverified loads them all the same",
                "record-without-digests",
                run_id=record.run_id,
            )


def generate_keys(private: Path, public: Path) -> str:
    """Make a pair of keys and return the name of the public one; neither file may exist.

    The private key is readable by its owner alone, and has no password.
    """
    serialization, ed25519 = _cryptography()
    for path in (private, public):
        if path.exists():
            raise WriteError(
                f"{path} exists already; a key is never overwritten, give another --output",
                "key-exists",
                path=str(path),
            )
    key = ed25519.Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    shared = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for path, content, mode in ((private, secret, 0o600), (public, shared, 0o644)):
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(content)
        except OSError as error:
            reason = error.strerror or str(error)
            raise WriteError(f"{path}: {reason}", "key-not-written", path=str(path), reason=reason) from error
    return _key_id(key.public_key())


def ids_digest(run_ids: Iterable[str]) -> str:
    """Return the SHA-256 of the sorted ids: a deletion changes it."""
    return hashlib.sha256("\n".join(sorted(run_ids)).encode()).hexdigest()


def _signed_part(record: ModelRecord) -> dict[str, Any]:
    entry = record.to_json()
    for name in record.metrics.keys() & entry.keys():
        entry[name] = float(entry[name])  # as they are read back: 1 and 1.0 are equal, but differ as text
    return {key: value for key, value in entry.items() if key not in (SIGNATURE, "model_uri")}


def _canonical(entry: Mapping[str, Any]) -> bytes:
    """Return the one text of an entry: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _key_id(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(
            f"{path}: {reason}; `bt registry keygen` makes keys", "key-unreadable", path=str(path), reason=reason
        ) from error


def _cryptography() -> tuple[Any, Any]:
    """Import the library that signs; raise `MissingExtra` if it is not installed."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        install = pip_words("bike-traffic[signing]")
        raise MissingExtra(
            f"signatures need cryptography, which is not installed: pip install {install}",
            "signing-extra-missing",
            install=install,
        ) from None
    return serialization, ed25519
