"""The vault of a party's home: each of its studies is stored there beside the work, and a study that stops loses its updates.

`[vault]` in consortium.toml or hospital.toml names it: `url`, and if wanted `key_file`, relative to the home, and `options` for
the client. The key is the home's `vault.key` unless that or the environment says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from cipherward.consortium.homes.home import Home
from cipherward.errors import CipherwardError, StorageError
from cipherward.parties.coordinator_node import SumReport
from cipherward.runs.archive import Archive
from cipherward.runs.folder import RunDirectory
from cipherward.study import Study
from cipherward.tasks.state import StudyState
from cipherward.vault import keys
from cipherward.vault.access import Address

KEY_FILE = "vault.key"
_LAST_WAIT = 2.0
"""Seconds that a service's stop waits for the vault; what is left waits on the disk."""


def address_of(home: Home) -> Address | None:
    """Where a home's vault is, None where it has none. A key file that is missing is made.

    Raises:
        StorageError: the settings name no vault, or the key cannot be made.
    """
    found = home.settings.get("vault")
    if found is None:
        return None
    known = isinstance(found, dict) and found.keys() <= {"url", "key_file", "options"}
    if not known or not isinstance(found.get("url"), str) or not isinstance(found.get("options", {}), dict):
        raise StorageError(
            f"{home.path / home.settings_file}: [vault] does not say where the vault is",
            hint='write url, such as "s3://bucket/path", and at most key_file and options beside it',
        )
    url = found["url"] if "://" in found["url"] else str(home.path / found["url"])
    if keys.from_environment() is not None and "key_file" not in found:
        return Address(url, None, found.get("options"))
    file = home.path / str(found.get("key_file", KEY_FILE))
    if not file.exists():
        keys.make_file(file)
        home.log("vault key made", {"file": str(file)})
    return Address(url, file, found.get("options"))


class HomeVault:
    """Made and used in the desk's thread. Without `[vault]` in the settings every method does nothing.

    What goes wrong with the vault is said once, as an alarm, and stops nothing.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._archives: dict[Path, Archive] = {}
        self._ended: set[Path] = set()
        self._left: set[tuple[Path, int]] = set()
        self._said = ""
        try:
            self._address = address_of(home)
        except CipherwardError as error:
            self._address = None
            self._complain(error.message)

    def follow(self, run: RunDirectory, study: Study) -> None:
        """Store what there is of a study, and what comes; asked again it does nothing."""
        if self._address is None or run.path in self._archives:
            return
        archive = Archive(self._address, self._home.log)
        try:
            archive.check()
            archive.begin(run, study)
        except CipherwardError as error:
            self._complain(error.message)
            return
        self._archives[run.path] = archive

    def sum_done(self, run: RunDirectory, report: SumReport, state: StudyState) -> None:
        """At the coordinator, before the next sum begins."""
        if archive := self._archives.get(run.path):
            self._carefully(lambda: archive.sum_done(report.round, report.contributors, state))

    def look(
        self, run: RunDirectory, *, is_over: bool, erase: str = "", left: Callable[[], Mapping[int, str]] = dict
    ) -> None:
        """What a study has left since. `is_over`: nothing more comes; `erase`: why it has stopped, and its updates go; `left`: which
        hospitals have left it, and why: theirs go."""
        archive = self._archives.get(run.path)
        if archive is None:
            return
        if run.path in self._ended:
            self._carefully(archive.notice_log)
            return
        for hospital, why in left().items():
            if (run.path, hospital) not in self._left:
                self._left.add((run.path, hospital))
                self._carefully(partial(archive.erase_updates, why, hospital))
        self._carefully(archive.end if is_over else archive.notice)
        if is_over:
            self._ended.add(run.path)
        if erase:
            self._carefully(lambda: archive.erase_updates(erase))

    def status(self, run: RunDirectory) -> dict[str, Any]:
        """How far the vault is behind with a study; empty without one."""
        archive = self._archives.get(run.path)
        if archive is None:
            return {}
        behind = archive.behind()
        return {
            "vault": {"where": archive.shown, "objects": behind.objects, "bytes": behind.size, "why": behind.reason}
        }

    def close(self) -> None:
        """The service ends: what is not stored waits on the disk."""
        for archive in self._archives.values():
            archive.close(_LAST_WAIT / len(self._archives))

    def _carefully(self, step: Any) -> None:
        try:
            step()
        except CipherwardError as error:
            self._complain(error.message)

    def _complain(self, reason: str) -> None:
        if reason != self._said:
            self._said = reason
            self._home.alarm("vault cannot be used", {"reason": reason})
