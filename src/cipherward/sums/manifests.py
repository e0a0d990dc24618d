"""Step 5, checks 1 to 3, and the same in the opening: what a manifest lists, and the signed headers of it."""

from __future__ import annotations

from cipherward.crypto.hashing import digest
from cipherward.crypto.scheme import SumTask
from cipherward.errors import FaultyCoordinatorError, ProtocolError
from cipherward.sums.messages import Header, Manifest, unsign
from cipherward.sums.votes import Rules


def read_headers(rules: Rules, task: SumTask, manifest: Manifest, headers: tuple[bytes, ...]) -> dict[int, Header]:
    """Checks 1 to 3 of a manifest: well formed and strictly increasing, every listed header signed, of this sum and set."""
    asked = rules, task, manifest, headers
    newest = _newest[0]  # once: another thread may read other headers meanwhile
    if newest is None or newest[0] != asked:
        newest = _newest[0] = asked, _read_headers(*asked)
    return dict(newest[1])


# A party reads the headers of a manifest when it consents, and again in the opening. What raises is not remembered.
_Asked = tuple[Rules, SumTask, Manifest, tuple[bytes, ...]]
_newest: list[tuple[_Asked, dict[int, Header]] | None] = [None]


def _read_headers(rules: Rules, task: SumTask, manifest: Manifest, headers: tuple[bytes, ...]) -> dict[int, Header]:
    indices = [entry.hospital for entry in manifest.entries]
    if manifest.context != task.context:
        raise FaultyCoordinatorError("the manifest belongs to another sum", culprit="coordinator")
    if indices != sorted(set(indices)) or any(not 1 <= i <= rules.n_hospitals for i in indices):
        raise FaultyCoordinatorError("the manifest repeats hospitals or lists unknown ones", culprit="coordinator")
    if len(indices) < rules.min_contributors:
        raise FaultyCoordinatorError(
            f"the manifest sums {len(indices)} hospitals, the study asks for at least {rules.min_contributors}",
            culprit="coordinator",
        )
    if not all(task.admits(index) for index in indices):
        raise FaultyCoordinatorError("the manifest lists hospitals that this sum does not admit", culprit="coordinator")
    if len(headers) != len(indices):
        raise ProtocolError("the manifest and its headers differ in number")
    found: dict[int, Header] = {}
    seen_payloads: set[bytes] = set()
    for entry, data in zip(manifest.entries, headers, strict=True):
        if digest("header", data) != entry.digest:
            raise ProtocolError(f"the header of hospital {entry.hospital} is not the one in the manifest")
        header = unsign(data, Header, study=rules.study, keys=rules.keys, sender=entry.hospital)
        if header.context != task.context:
            raise FaultyCoordinatorError(
                f"the header of hospital {entry.hospital} belongs to another sum", culprit="coordinator"
            )
        if rules.is_encrypted and header.payload_digest in seen_payloads:
            raise FaultyCoordinatorError("two headers of the manifest name one ciphertext", culprit="coordinator")
        seen_payloads.add(header.payload_digest)
        found[entry.hospital] = header
    return found
