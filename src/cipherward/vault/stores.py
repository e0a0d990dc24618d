"""Where a vault lies: a folder, written durably, or whatever fsspec speaks: s3://, gdrive:// and others.

A vault needs little of a store: names in a few folders, each written once, read whole and removed. What a provider says of a
failure is reduced to a few words, since its own may hold credentials.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from cipherward.errors import CipherwardError, StorageError
from cipherward.store import files

EXTRAS = {"s3": ("s3", "s3fs"), "gdrive": ("gdrive", "gdrive_fsspec")}
"""Protocols whose client is an extra of this package: the extra, and the client's module."""
OBJECT_STORES = ("s3", "gs", "gcs", "az", "abfs", "oss", "http", "https")
"""Where names with slashes are all that there is of folders."""
_LARGE = 100_000_000
"""Bytes for which the time of a read is reckoned: nobody knows its size before."""
_AT_ONCE = 16
_S3_LIMITS = {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 1}}


class MissingObjectError(StorageError):
    """The store has nothing under that name."""


class Store(Protocol):
    """Names are `folder/name`. Every method raises StorageError when the store fails."""

    shown: str
    """The store's address without anything that could be a credential."""
    at_once: int
    """How many objects may be written at the same time."""

    def prepare(self, folder: str) -> None:
        """Make a folder, where the store has folders."""

    def write(self, name: str, parts: Iterable[bytes]) -> None:
        """Write an object whole; it is durable, as far as the store keeps its word, when this returns."""

    def open(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """An object's bytes. Raises MissingObjectError."""

    def read_all(self, names: Sequence[str]) -> dict[str, bytes]:
        """Small objects, together; those that are missing are left out."""

    def names(self, folder: str) -> list[str]:
        """The names in a folder, without the folder, in order; none where there is no such folder."""

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""


class LocalStore:
    """A folder on this machine, or mounted on it."""

    at_once = 1

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shown = str(path)

    def prepare(self, folder: str) -> None:
        with self._saying("make"):
            files.sync_folders(files.make_folder(self.path / folder))

    def write(self, name: str, parts: Iterable[bytes]) -> None:
        path = self.path / name
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
        with self._saying("write"):
            try:
                with files.create(temporary) as file, contextlib.closing(_ahead(parts)) as made:
                    for part in made:
                        file.write(part)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
                files.sync_folders([path.parent])
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        with self._saying("read"), (self.path / name).open("rb") as file:
            yield file

    def read_all(self, names: Sequence[str]) -> dict[str, bytes]:
        found = {}
        for name in names:
            with contextlib.suppress(MissingObjectError), self.open(name) as file:
                found[name] = file.read()
        return found

    def names(self, folder: str) -> list[str]:
        with self._saying("read"):
            try:
                found = [path.name for path in (self.path / folder).iterdir()]
            except FileNotFoundError:
                return []
        return sorted(name for name in found if not name.startswith("."))

    def remove(self, name: str) -> None:
        with self._saying("remove from"):
            (self.path / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _saying(self, what: str) -> Iterator[None]:
        with _in_words(f"cannot {what} the vault {self.shown}"):
            yield


class FsspecStore:
    """A store behind an fsspec file system; `root` is the vault's path in it. One thread at a time, except where the file system is an
    asynchronous one: its requests all go through one loop.

    `seconds`: what one request may take, and as long again for each 10 MB that it carries, where the file system is an
    asynchronous one: some clients wait without end for a server that has gone silent.
    """

    def __init__(self, fs: Any, root: str, shown: str, *, has_folders: bool = True, seconds: float = 120.0) -> None:
        self._fs, self._root, self.shown, self.seconds = fs, root.rstrip("/"), shown, seconds
        self.has_folders = has_folders
        self.at_once = _AT_ONCE if getattr(fs, "async_impl", False) else 1

    def _do(self, name: str, *args: Any, size: int = 0, **options: Any) -> Any:
        if not getattr(self._fs, "async_impl", False):
            return getattr(self._fs, name)(*args, **options)
        from fsspec.asyn import sync

        limit = self.seconds * (1 + size / 10_000_000)
        return sync(self._fs.loop, getattr(self._fs, f"_{name}"), *args, timeout=limit, **options)

    def prepare(self, folder: str) -> None:
        if not self.has_folders:
            return  # some clients would make a bucket
        with self._saying("make"):
            self._do("makedirs", self._path(folder), exist_ok=True)

    def write(self, name: str, parts: Iterable[bytes]) -> None:
        whole = b"".join(parts)
        with self._saying("write"):
            self._do("pipe_file", self._path(name), whole, size=len(whole))

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        with self._saying("read"):
            found = self._do("cat_file", self._path(name), size=_LARGE)
        yield io.BytesIO(found)

    def read_all(self, names: Sequence[str]) -> dict[str, bytes]:
        if not names:
            return {}
        paths = {self._path(name): name for name in names}
        with self._saying("read"):
            found = self._do("cat", list(paths), on_error="return", size=_LARGE)
        whole = {}
        for path, data in found.items():
            if isinstance(data, FileNotFoundError):
                continue
            with self._saying("read"):
                if isinstance(data, Exception):
                    raise data
            whole[paths[path]] = data
        return whole

    def names(self, folder: str) -> list[str]:
        with self._saying("read"):
            self._fs.invalidate_cache()
            try:
                found = self._do("ls", self._path(folder), detail=False)
            except FileNotFoundError:
                return []
        named = {path.rstrip("/").rpartition("/")[2] for path in found}
        return sorted(named - {"", folder.rpartition("/")[2]})

    def remove(self, name: str) -> None:
        with self._saying("remove from"), contextlib.suppress(FileNotFoundError):
            self._do("rm_file", self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".strip("/") if name else self._root

    @contextlib.contextmanager
    def _saying(self, what: str) -> Iterator[None]:
        with _in_words(f"cannot {what} the vault {self.shown}"):
            yield


def open_store(url: str, options: Mapping[str, Any] | None = None) -> Store:
    """The store at a path or URL. Nothing is asked of it yet.

    Args:
        options: for the fsspec file system, such as endpoint_url; credentials come from its own environment.

    Raises:
        StorageError: no such protocol, its extra is not installed, or it cannot be set up.
    """
    if (path := local_path(url)) is not None:
        return LocalStore(path)
    protocol, where = check_client(url), shown(url)
    try:
        import fsspec

        if protocol == "gdrive":
            from cipherward.vault.gdrive import Drive

            return FsspecStore(Drive(**_settings(protocol, options)), Drive._strip_protocol(url), where)
        kind = fsspec.get_filesystem_class(protocol)
        fs, root = kind(skip_instance_cache=True, **_settings(protocol, options)), kind._strip_protocol(url)
    except ImportError:
        raise _not_installed(protocol) from None
    except ValueError:
        raise StorageError(f"no file system is called {protocol}://", hint="give a folder, s3://, gdrive://") from None
    except Exception as error:
        raise _reduced(f"cannot reach the vault {where}", error) from None
    if protocol == "s3":
        fs.retries = 1  # its own: whoever stores something tries again, and says so
    return FsspecStore(fs, root, where, has_folders=protocol not in OBJECT_STORES)


def check_client(url: str) -> str:
    """The protocol of an address, whose client is installed as far as a look can tell.

    Raises:
        StorageError: it is not, or the address carries credentials.
    """
    protocol, split = url.partition("://")[0], urlsplit(url)
    if split.username or split.password or split.query:
        raise StorageError(
            f"the vault's address {shown(url)} carries credentials or options",
            hint="leave them out; credentials come from the environment (docs/vault.md)",
        )
    if protocol in EXTRAS and find_spec(EXTRAS[protocol][1]) is None:
        raise _not_installed(protocol)
    return protocol


def _not_installed(protocol: str) -> StorageError:
    known = EXTRAS.get(protocol)
    hint = f"pip install 'cipherward[{known[0]}]'" if known else f"install the fsspec file system for {protocol}://"
    return StorageError(f"the client for {protocol}:// is not installed", hint=hint)


def local_path(url: str) -> Path | None:
    """The folder that `url` names on this machine, or None."""
    if url.startswith("file://"):
        return Path(url2pathname(unquote(urlsplit(url).path)))
    return None if re.match(r"[a-z][a-z0-9+.-]+://", url) else Path(url)


def shown(url: str) -> str:
    """An address for people and logs: without user, password and query."""
    if local_path(url) is not None:
        return url
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}{split.path}"


def _settings(protocol: str, options: Mapping[str, Any] | None) -> dict[str, Any]:
    from fsspec.config import conf

    given = {**conf.get(protocol, {}), **(options or {})}
    if protocol == "s3":
        given = {"config_kwargs": _S3_LIMITS, "use_listings_cache": False} | given
    return given


@contextlib.contextmanager
def _in_words(what: str) -> Iterator[None]:
    try:
        yield
    except CipherwardError:
        raise
    except FileNotFoundError:
        raise MissingObjectError(
            f"{what}: it is not there", hint="was it removed? `cipherward vault check` lists all"
        ) from None
    except Exception as error:  # fsspec clients raise their libraries' own
        raise _reduced(what, error) from None


def _reduced(what: str, error: Exception) -> StorageError:
    """The error without its own words, which may hold an address with a key in it."""
    if isinstance(error, OSError) and error.errno:
        why = os.strerror(error.errno)
    elif isinstance(error, PermissionError):
        why = "access is denied"
    else:
        code = getattr(error, "status_code", None) or getattr(error, "code", None)
        why = type(error).__name__ + (f" {code}" if isinstance(code, int) else "")
    return StorageError(f"{what}: {why}", hint="check space, permissions, credentials and the connection to it")


def _ahead(parts: Iterable[bytes]) -> Generator[bytes]:
    """The same parts. Of a large object, the next one is encrypted while this one is written."""
    rest = iter(parts)
    yield from itertools.islice(rest, 2)
    part = next(rest, None)
    if part is None:
        return
    with ThreadPoolExecutor(1) as pool:
        while part is not None:
            coming = pool.submit(next, rest, None)
            yield part
            part = coming.result()
