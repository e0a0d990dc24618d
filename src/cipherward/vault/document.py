"""`vault.NUMBER` in the store: what a vault is, how its key is made, and its naming key under the vault key."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from cipherward.errors import AuditError, StorageError
from cipherward.vault import codec
from cipherward.vault.keys import Source, Stretching, Wrapping
from cipherward.vault.stores import Store

FORMAT = "cipherward-vault-1"

OnEvent = Callable[[str, dict[str, object]], None]
"""Told what changes in a vault: event and facts, never content or keys."""


def ignore(event: str, facts: dict[str, object]) -> None:
    """Tells nobody."""


def generation_of(store: Store) -> int:
    """How many vault keys the vault in a store has had; 0: there is none."""
    numbers = [name.removeprefix("vault.") for name in store.names("") if name.startswith("vault.")]
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def path_of(generation: int) -> str:
    """Its name in the store."""
    return f"vault.{generation:06d}"


def make(identity: bytes, source: Source, naming_key: bytes) -> tuple[dict[str, Any], bytes]:
    """A new document, and the vault key that opens it."""
    how = source.stretching()
    vault_key = source.derive(how)
    key: dict[str, Any] = {"from": "key"}
    if how:
        key = {"from": "passphrase", "argon2id": vars(how) | {"salt": how.salt.hex()}}
    document: dict[str, Any] = {"format": FORMAT, "id": identity.hex(), "key": key}
    sealed = Wrapping(vault_key, identity).wrap(naming_key, _bound(document))
    return document | {"naming_key": sealed.hex()}, vault_key


def write(store: Store, generation: int, document: dict[str, Any]) -> None:
    """Store it: from now on this vault key is in force."""
    store.write(path_of(generation), [(json.dumps(document, indent=2) + "\n").encode()])


def read(store: Store, generation: int, source: Source) -> tuple[bytes, bytes, bytes]:
    """(identity, vault key, naming key).

    Raises:
        StorageError: another format, or the vault wants another kind of key. AuditError: not this key, or damaged.
    """
    name = path_of(generation)
    try:
        document = json.loads(store.read_all([name])[name])
        if document["format"] != FORMAT:
            raise StorageError(f"{store.shown} was made by another version", hint="open it with that version")
        identity, vault_key = bytes.fromhex(document["id"]), source.derive(_stretching(document["key"]))
        sealed = bytes.fromhex(document["naming_key"])
        naming_key = Wrapping(vault_key, identity).unwrap(sealed, _bound(document))
    except AuditError:
        raise AuditError(
            f"the vault {store.shown} does not open with this key",
            hint=f"give the key that it was made or rotated with; if that is the one, {name} was altered",
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise AuditError(f"{store.shown}: {name} is damaged ({type(error).__name__})", hint="restore it") from None
    return identity, vault_key, naming_key


def fresh() -> tuple[bytes, bytes]:
    """A new vault's identity, 16 bytes, and naming key, 32 bytes."""
    return os.urandom(16), os.urandom(codec.KEY_BYTES)


def _stretching(key: dict[str, Any]) -> Stretching | None:
    if key["from"] == "key":
        return None
    given = key["argon2id"]
    return Stretching(bytes.fromhex(given["salt"]), *(int(given[name]) for name in ("passes", "lanes", "memory_kib")))


def _bound(document: dict[str, Any]) -> bytes:
    return json.dumps({name: document[name] for name in ("format", "id", "key")}, sort_keys=True).encode()
