"""What a certified sum that does not open costs in bytes, beside one that opens: 1 M parameters, one liar.

Bytes of messages only, all of them encoded and signed. A hospital sends an answer, and a share that decides a dispute; it gets
the challenge, and the opening with what names the liar: here the dearer of its release and one share.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cipherward.crypto import params, wire
from cipherward.crypto.identity import Identity
from cipherward.crypto.quorum import parameters_of
from cipherward.crypto.scheme import SumTask
from cipherward.sums.messages import Answer, Answered, Challenge, Entry, Release, Shown, ShownShare, sign
from cipherward.thresholds import derive

N_PARAMETERS = 1_000_000


def main() -> None:
    print(
        "| hospitals | update | commitments | challenge and answer | one share shown | in the opening | all releases | all, of the update |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for n in (8, 50):
        numbers = derive(n)
        task = SumTask(bytes(32), n, numbers.threshold, 16, N_PARAMETERS, N_PARAMETERS, N_PARAMETERS)
        chosen = parameters_of(task)
        update = chosen.payload_bytes + n * params.SEALING_BYTES + (n - numbers.threshold + 1) * chosen.share_bytes
        update += (numbers.threshold - 1) * params.SEED_BYTES
        commitments = 2 * 32 * n
        vector, listed = bytes(chosen.share_bytes), tuple(Entry(i, bytes(32)) for i in range(1, n + 1))
        challenge = signed(0, Challenge(bytes(32), bytes(32), listed, bytes(32)))
        held = signed(n, Answer(bytes(32), bytes(32), bytes(32 * n), b""))
        dealt = signed(n, Answer(bytes(32), bytes(32), b"", bytes(32 * numbers.threshold)))
        asked = size([challenge]) + len(wire.encode(Answered((held, dealt))))
        release = signed(n, Release(bytes(32), bytes(32), vector))
        shown = signed(n, Shown(bytes(32), (ShownShare(1, 2, vector, bytes(32)),)))
        # A lie about a release takes the release, one about a share both answers and the share.
        names = max(size([release, held]), size([held, dealt, shown]))
        opening = size([challenge, *[held] * numbers.threshold]) + names
        everything = (commitments + asked + size([shown]) + opening) / update
        all_releases = size([release] * n)
        print(
            f"| {n} | {update:,} | {commitments:,} | {asked:,} | {size([shown]):,} | {opening:,} ({opening / update:.2%}) "
            f"| {all_releases:,} ({all_releases / update:.2%}) | {everything:.2%} |"
        )


def signed(sender: int, body: Any) -> bytes:
    return sign(Identity(bytes(32)), bytes(32), sender, body)


def size(messages: Iterable[bytes]) -> int:
    """Bytes of signed messages inside another one."""
    return len(wire.encode(Answered(tuple(messages))))


if __name__ == "__main__":
    main()
