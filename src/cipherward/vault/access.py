"""How people reach a vault: by its address and what they have as a key. A local vault's key file is found beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from cipherward.errors import AuditError, StorageError
from cipherward.store import locks
from cipherward.vault import document, keys
from cipherward.vault.catalogue import Memory
from cipherward.vault.document import OnEvent, ignore
from cipherward.vault.keys import Source
from cipherward.vault.stores import Store, check_client, local_path, open_store, shown
from cipherward.vault.vault import Vault, create, open_vault
from cipherward.vault.writer import Writer


@dataclass(frozen=True)
class Address:
    """Where a vault is and how it opens. `key_file`: empty for the environment, or the file beside a local vault."""

    url: str
    key_file: Path | None = None
    options: Mapping[str, Any] | None = None

    @property
    def own_key_file(self) -> Path | None:
        """Beside a local vault, outside of it: NAME.key; None for any other."""
        path = local_path(self.url)
        return path.absolute().with_name(f"{path.absolute().name}.key") if path is not None else None

    @property
    def absolute_url(self) -> str:
        """The same from every folder."""
        path = local_path(self.url)
        return str(path.absolute()) if path is not None else self.url

    def store(self) -> Store:
        """Raises StorageError: no such store."""
        return open_store(self.url, self.options)

    def source(self) -> Source | None:
        """The key: of the file that was named, else of the environment, else of the file beside a local vault.

        Raises:
            StorageError: what is there is no key.
        """
        if self.key_file:
            return keys.from_file(self.key_file)
        if found := keys.from_environment():
            return found
        own = self.own_key_file
        return keys.from_file(own) if own and own.exists() else None

    def memory(self) -> Memory:
        """What was seen of the vault, beside its key file; without one nothing is remembered."""
        file = self.key_file or self.own_key_file
        return Memory(file.with_name(f"{file.stem}.seen") if file else None)


def is_local(address: Address) -> bool:
    """Whether the vault is a folder on this machine."""
    return local_path(address.url) is not None


def check_remote(address: Address) -> None:
    """What can be said of a vault elsewhere without asking it.

    Raises:
        StorageError: its client is not installed, or no key is set.
    """
    check_client(address.url)
    if address.source() is None:
        raise StorageError(f"no key for the vault {shown(address.url)}", hint=f"give {keys.WAYS}")


def open_at(address: Address, on_event: OnEvent = ignore) -> Vault:
    """The vault at an address. A change of its key that was interrupted is finished.

    Raises:
        StorageError, AuditError: no vault, no key, or not this one.
    """
    store = address.store()
    source = address.source()
    if source is None:
        if not document.generation_of(store):
            raise StorageError(f"{store.shown} is no vault", hint="make one: cipherward vault init URL")
        raise StorageError(f"no key for the vault {store.shown}", hint=f"give {keys.WAYS}")
    try:
        return open_vault(store, source, on_event)
    except AuditError:
        new = next_file(source.file) if source.file else None
        if new is None or not new.exists():
            raise
        vault = open_vault(store, keys.from_file(new), on_event)
        vault.remove_outdated()
        new.replace(source.file or new)
        return vault


def open_or_create(address: Address, on_event: OnEvent = ignore) -> tuple[Vault, Path | None]:
    """The vault, made where there is none. Where no key is set, a local one gets a key file beside it, whose path is returned
    when it was made here.

    Raises:
        StorageError, AuditError: as `open_at`; or no key for a new vault that is not local.
    """
    with _alone(address):
        if document.generation_of(address.store()):
            return open_at(address, on_event), None
        return create_at(address, on_event)


@contextmanager
def _alone(address: Address) -> Iterator[None]:
    """On this machine nobody else makes the same vault meanwhile."""
    path = local_path(address.url)
    if path is None:
        yield
        return
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make {path}: {error.strerror or error}", hint="choose another place") from None
    with locks.lock(path.absolute().with_name(f".{path.name}.lock")):
        yield


def create_at(address: Address, on_event: OnEvent = ignore) -> tuple[Vault, Path | None]:
    """A new vault, and its key file if one was made. Raises as `open_or_create`, and StorageError where there is a vault."""
    store = address.store()
    source, made = address.source(), None
    if document.generation_of(store):
        raise StorageError(f"{store.shown} is a vault already", hint="choose an empty place")
    if source is None:
        made = address.own_key_file
        if made is None:
            raise StorageError(f"no key for a new vault at {store.shown}", hint=f"give {keys.WAYS}")
        source = keys.make_file(made)
    return create(store, source, on_event), made


def next_file(file: Path) -> Path:
    """Where a new key lies until the vault is changed to it."""
    return file.with_name(f"{file.name}.next")


def change_key(vault: Vault, file: Path) -> Vault:
    """Change a vault to a new key, which takes the place of the one in `file`; the old one is gone.

    Raises:
        StorageError, AuditError: as `Vault.rotate`; the old key stays in force, or the next opening finishes it.
    """
    new = next_file(file)
    source = keys.from_file(new) if new.exists() else keys.make_file(new)
    rotated = vault.rotate(source)
    new.replace(file)
    return rotated


def writer_at(address: Address, on_event: OnEvent = ignore) -> Writer:
    """Adds to the vault at an address, in a chain of its own. Raises as `open_at`."""
    return Writer(open_at(address, on_event), os.urandom(16), address.memory(), software())


def software() -> str:
    """Name and version of this program, for the vault's record."""
    return f"cipherward {metadata.version('cipherward')}"
