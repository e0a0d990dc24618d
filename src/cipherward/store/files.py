"""Files that are either whole or absent: write to a temporary file, fsync, rename, fsync the folder."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from cipherward import tomlfile
from cipherward.errors import StorageError

T = TypeVar("T")

_put_off = 0


def sync(descriptor: int) -> None:
    """Put what was written to a descriptor on the disk; inside `put_off` its end does. Raises OSError: the disk failed."""
    if not _put_off:
        os.fsync(descriptor)


def flush(descriptor: int) -> None:
    """The same, and of the file's facts its size at most."""
    if not _put_off:
        getattr(os, "fdatasync", os.fsync)(descriptor)


def is_put_off() -> bool:
    """Whether nothing waits for the disk now."""
    return _put_off > 0


@contextlib.contextmanager
def put_off(folder: Path) -> Iterator[None]:
    """Inside, nothing waits for the disk; at the end everything in `folder` is put there. Whatever ends this process, what it has
    written stays; a power failure meanwhile can take or damage it. For a run whose parties are all here and can begin again.
    POSIX; elsewhere everything waits as ever.

    Raises:
        StorageError: at the end, if nothing else is raised: the disk failed.
    """
    global _put_off
    if os.name != "posix":
        yield
        return
    _put_off += 1
    is_done = False
    try:
        yield
        is_done = True
    finally:
        _put_off -= 1
        try:
            _sync_all(folder)
        except OSError as error:
            if is_done:
                raise StorageError(
                    f"cannot put {folder} on the disk: {error.strerror or error}", hint="check the disk, then repeat"
                ) from None


def _sync_all(folder: Path) -> None:
    for where, _, names in os.walk(folder):
        for path in (where, *(f"{where}/{name}" for name in names)):
            if not os.path.islink(path):  # noqa: PTH114
                with opened(path, os.O_RDONLY) as file:
                    os.fsync(file)


def write(path: Path, data: bytes | memoryview, *, private: bool = False, durable: bool = True) -> None:
    """Replace `path` by `data`. `private` makes the file readable by its owner only; without `durable` a power failure may
    leave the old file, or none that can be read.

    Raises:
        StorageError: no space, no permission, or the folder is gone; the old file is untouched, or the new one whole.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        changed = make_folder(path.parent)
        with create(temporary, private=private) as file:
            file.write(data)
            file.flush()
            if durable:
                sync(file.fileno())
        temporary.replace(path)
        if durable:
            sync_folders(changed)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}",
            hint=f"{_remedy(error)}; nothing was half written",
        ) from None


def _remedy(error: OSError) -> str:
    """What helps against this error, as a clause."""
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "write permission is needed there, or choose another place"
    return "free space there"


def move(path: Path, name: Path) -> None:
    """Give a durable file another place on the same disk, durably; an earlier file there is replaced.

    Raises:
        StorageError: it may be in either place, whole.
    """
    try:
        changed = make_folder(name.parent)
        path.replace(name)
        sync_folders(changed)
    except OSError as error:
        raise StorageError(
            f"cannot move {path}: {error.strerror or error}", hint="check the disk, then repeat"
        ) from None


def overwrite(path: Path, data: bytes) -> None:
    """Write over the first bytes of a file, durably; for fewer than a disk writes at once, since it may be cut short there.

    Raises:
        StorageError: missing, or the disk failed.
    """
    try:
        with opened(path, os.O_WRONLY) as file:
            write_whole(file, data)
            flush(file)
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}", hint="check the disk, then repeat"
        ) from None


def size(path: Path) -> int | None:
    """Bytes of a file; None where there is none."""
    found = stamp(path)
    return found[1] if found else None


def create(path: Path, *, private: bool = True, anew: bool = False, buffering: int = -1) -> IO[bytes]:
    """Open a file to write it from its beginning. `private`: made readable by its owner only; `anew`: there is none yet.

    Raises:
        OSError: as `open`.
    """
    flags = os.O_WRONLY | os.O_CREAT | (os.O_EXCL if anew else os.O_TRUNC) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o600 if private else 0o644)
    return os.fdopen(descriptor, "wb", buffering=buffering)


@contextlib.contextmanager
def opened(path: Path | str, flags: int) -> Iterator[int]:
    """The descriptor of a file for the while: what a letter needs of a few bytes takes a third of the time without a file object.

    Raises:
        OSError: as `os.open`.
    """
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_whole(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    """Write at the descriptor's place. Raises OSError: a part of it may be there, as on a disk that is almost full."""
    rest = memoryview(data).cast("B")
    while rest:  # a system may take a part, and says why only when it is asked to take the rest
        rest = rest[os.write(descriptor, rest) :]


def append(path: Path, line: str) -> None:
    """Append one line, durably.

    Raises:
        StorageError: no space or no permission; nothing of the line is left.
    """
    size = None
    try:
        is_new = not path.exists()
        with path.open("ab", buffering=0) as file:
            size = file.tell()
            write_whole(file.fileno(), f"{line}\n".encode())
            sync(file.fileno())
        if is_new:
            sync_folders([path.parent])
    except OSError as error:
        if size is not None:
            with contextlib.suppress(OSError):
                os.truncate(path, size)
        raise StorageError(
            f"cannot append to {path}: {error.strerror or error}", hint=f"{_remedy(error)}, then repeat"
        ) from None


def read(path: Path, start: int = 0) -> bytes:
    """The file, from byte `start` on.

    Raises:
        StorageError: missing or unreadable.
    """
    with _readable(path), open(path, "rb", buffering=0) as file:  # noqa: PTH123 - Path.open takes twice as long
        if start:
            file.seek(start)
        return file.read()


def link(path: Path, name: Path) -> None:
    """Give a file a second name, which keeps its content when the first is removed or replaced; a copy where the file system
    has no such names. An earlier `name` is replaced. Not synced.

    Raises:
        OSError: as `shutil.copyfile`.
    """
    name.unlink(missing_ok=True)
    try:
        os.link(path, name)
    except OSError:
        shutil.copyfile(path, name)


def remove(path: Path) -> None:
    """Remove the file if it is there.

    Raises:
        StorageError: it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot remove {path}: {error.strerror or error}", hint="check the folder's permissions, then repeat"
        ) from None


def json_object(data: bytes) -> dict[str, Any]:
    """The JSON object that a file or a line of it holds.

    Raises:
        ValueError: anything else, however it is wrong: not JSON, another value, nested too deeply.
    """
    try:
        found = json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def toml_table(data: bytes) -> dict[str, Any]:
    """The table that a TOML file holds.

    Raises:
        ValueError: not UTF-8, not TOML, a number that is too long, nested too deeply.
    """
    return tomlfile.table(data)


Stamp = tuple[int, int, int]


def stamp(path: Path | str) -> Stamp | None:
    """What changes when a file or folder is written anew: time, size, number; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - services ask for hundreds in a second
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def names_in(folder: Path | str) -> list[str]:
    """What a folder holds, in order; nothing where there is none.

    Raises:
        StorageError: unreadable.
    """
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - services ask all the time
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StorageError(f"cannot read {folder}: {error.strerror or error}", hint="check its permissions") from None


SETTLED_SECONDS = 2.0


def is_settled(found: Stamp | None) -> bool:
    """Whether a stamp is old enough that whatever is written now gives another one: clocks of disks are coarse."""
    return found is None or time.time() - found[0] / 1e9 > SETTLED_SECONDS


_MOST_CONTENTS, _LARGEST_CONTENT = 1024, 1 << 16
_contents: dict[str, tuple[Stamp, bytes]] = {}


def content(path: str) -> bytes:
    """What is in a small file that is written seldom, empty where there is none; read again only when it is another file.

    Raises:
        StorageError: unreadable.
    """
    now = stamp(path)
    if now is None:
        return b""
    known = _contents.get(path)
    if known is not None and known[0] == now:
        return known[1]
    data = read(Path(path))
    if is_settled(now) and len(data) <= _LARGEST_CONTENT:
        if len(_contents) >= _MOST_CONTENTS:
            _contents.clear()
        _contents[path] = now, data
    return data


class Remembered:
    """What was made of files, until one of them changes: an idle service reads nothing twice."""

    def __init__(self) -> None:
        self._known: dict[object, tuple[object, object]] = {}

    def get(self, key: object, paths: Iterable[Path], make: Callable[[], T]) -> T:
        """What `make` gives, made again only when one of `paths` is not as it was. What it raises is not remembered."""
        now = tuple(stamp(path) for path in paths)
        known = self._known.get(key)
        if known is None or known[0] != now:
            known = self._known[key] = now, make()
        return cast(T, known[1])


def count_lines(path: Path) -> int:
    """How many lines a file has, one without an end counted; 0 where there is none. Not all of it is in memory at once.

    Raises:
        StorageError: unreadable.
    """
    if not path.exists():
        return 0
    with _readable(path), path.open("rb") as file:
        return sum(1 for _ in file)


def make_folder(folder: Path) -> list[Path]:
    """Make a folder and its parents. Returns the folders that change when a file is put there, for `sync_folders`.

    Raises:
        OSError: as `Path.mkdir`.
    """
    changed = [folder]
    while not changed[-1].exists() and changed[-1] != changed[-1].parent:
        changed.append(changed[-1].parent)
    folder.mkdir(parents=True, exist_ok=True)
    return changed


def sync_folders(folders: Iterable[Path]) -> None:
    """Make the names in these folders durable: what was renamed, created or removed there. POSIX; elsewhere nothing.

    Raises:
        OSError: the disk failed.
    """
    if os.name != "posix" or _put_off:
        return
    for folder in folders:
        with opened(folder, os.O_RDONLY) as descriptor:
            os.fsync(descriptor)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot read {path}: {error.strerror or error}", hint="check the path and its permissions"
        ) from None
