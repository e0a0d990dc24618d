"""The vault key: 32 bytes from a file, an environment variable or a passphrase. It wraps data keys and encrypts nothing else."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cipherward.errors import AuditError, StorageError
from cipherward.store import files

KEY_BYTES = 32
KEY_VARIABLE, PASSPHRASE_VARIABLE = "CIPHERWARD_VAULT_KEY", "CIPHERWARD_VAULT_PASSPHRASE"
WAYS = f"--key-file FILE, or the environment variable {KEY_VARIABLE} (64 hex digits) or {PASSPHRASE_VARIABLE}"
LEAST_PASSPHRASE = 12
_NONCE = 12
_MOST_MEMORY_KIB, _MOST_PASSES, _MOST_LANES = 1 << 20, 64, 64


@dataclass(frozen=True)
class Stretching:
    """Argon2id (RFC 9106, second recommended option): what makes a passphrase into a key. `salt`: 16 bytes."""

    salt: bytes
    passes: int = 3
    lanes: int = 4
    memory_kib: int = 64 << 10

    def key(self, passphrase: str) -> bytes:
        """32 bytes.

        Raises:
            StorageError: the numbers, which the provider could have changed, ask for more than any vault does.
        """
        known = 1 <= self.passes <= _MOST_PASSES and 1 <= self.lanes <= _MOST_LANES and len(self.salt) == 16
        if not known or not 8 * self.lanes <= self.memory_kib <= _MOST_MEMORY_KIB:
            raise StorageError(
                "the vault asks for a key derivation that no vault has", hint="it was altered: restore it"
            )
        derivation = Argon2id(
            salt=self.salt, length=KEY_BYTES, iterations=self.passes, lanes=self.lanes, memory_cost=self.memory_kib
        )
        return derivation.derive(passphrase.encode())


@dataclass(frozen=True)
class Source:
    """Where the vault key comes from: one of a key, or a passphrase. `file`: where the key was read, if it was."""

    key: bytes = field(default=b"", repr=False)
    passphrase: str = field(default="", repr=False)
    file: Path | None = None

    def stretching(self) -> Stretching | None:
        """For a new vault: how the key is made, None where it is a key already."""
        return Stretching(os.urandom(16)) if self.passphrase else None

    def derive(self, how: Stretching | None) -> bytes:
        """The vault key.

        Raises:
            StorageError: the vault wants the other kind.
        """
        if (how is not None) != bool(self.passphrase):
            wants = "a passphrase" if how else "a key, not a passphrase"
            raise StorageError(f"this vault is opened with {wants}", hint=f"give {WAYS}")
        return how.key(self.passphrase) if how else self.key


def from_file(path: Path) -> Source:
    """The key in a file of 64 hex digits.

    Raises:
        StorageError: missing, damaged, or open to other users of this machine.
    """
    text = files.read(path).strip()
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise StorageError(f"{path} holds a vault key and is open to other users", hint=f"chmod 600 {path}")
    return Source(_from_hex(text.decode("ascii", "replace"), str(path)), file=path)


def make_file(path: Path) -> Source:
    """A new key in a new file, readable by its owner only.

    Raises:
        StorageError: there is such a file, or it cannot be written.
    """
    if path.exists():
        raise StorageError(f"{path} exists: a key is never overwritten", hint="choose another file")
    key = os.urandom(KEY_BYTES)
    files.write(path, f"{key.hex()}\n".encode(), private=True)
    return Source(key, file=path)


def from_environment(variables: dict[str, str] | os._Environ[str] = os.environ) -> Source | None:
    """The key or passphrase that the environment holds, None where it holds neither.

    Raises:
        StorageError: it holds both, or no key.
    """
    key, passphrase = variables.get(KEY_VARIABLE, ""), variables.get(PASSPHRASE_VARIABLE, "")
    if key and passphrase:
        raise StorageError(f"{KEY_VARIABLE} and {PASSPHRASE_VARIABLE} are both set", hint="unset one of them")
    if key:
        return Source(_from_hex(key.strip(), KEY_VARIABLE))
    return from_passphrase(passphrase) if passphrase else None


def from_passphrase(passphrase: str) -> Source:
    """Raises StorageError when it is too short to withstand guessing at all."""
    if len(passphrase) < LEAST_PASSPHRASE:
        raise StorageError(
            f"the passphrase has fewer than {LEAST_PASSPHRASE} characters",
            hint="take several random words: whoever has the vault's files can try passphrases at leisure",
        )
    return Source(passphrase=passphrase)


class Wrapping:
    """Seals small secrets under the vault key; `vault`: the vault's id, which every one is bound to."""

    def __init__(self, vault_key: bytes, vault: bytes) -> None:
        self._cipher = AESGCM(HKDF(SHA256(), KEY_BYTES, vault, b"cipherward/v1/vault-wrapping").derive(vault_key))

    def wrap(self, secret: bytes, about: bytes) -> bytes:
        """`about`: what the secret belongs to; 28 bytes longer than the secret."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, secret, about)

    def unwrap(self, wrapped: bytes, about: bytes) -> bytes:
        """Raises AuditError: another key, altered, or it belongs to something else."""
        try:
            return self._cipher.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], about)
        except (InvalidTag, ValueError):
            raise AuditError("it does not open with this vault key") from None


def _from_hex(text: str, where: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise StorageError(f"{where} does not hold a key of 64 hex digits", hint="restore it from your own copy")
    return key
