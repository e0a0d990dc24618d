"""What a certified sum that does not open costs in bytes, beside one that opens: 1 M parameters, one to f liars.

Bytes of messages only, all of them encoded and signed. A hospital sends an answer, and a share that decides a dispute; it gets
the challenge, and the opening with what names each liar: here the dearer of its release and one share.
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
        "| hospitals | liars | update | commitments | challenge and answer | shares shown by one | in the opening | all, of the update "
        "| the shares alone | all releases |"
    )
    print("|---" * 10 + "|")
    for n in (8, 50):
        numbers = derive(n)
        for liars in sorted({1, 2, numbers.corrupt}):
            print(row(n, numbers.threshold, liars))


def row(n: int, threshold: int, liars: int) -> str:
    """Every liar is a holder that differs with another honest dealer about a share; the cheaper lie, about its release, takes the release."""
    task = SumTask(bytes(32), n, threshold, 16, N_PARAMETERS, N_PARAMETERS, N_PARAMETERS)
    chosen = parameters_of(task)
    update = chosen.payload_bytes + n * params.SEALING_BYTES + (n - threshold + 1) * chosen.share_bytes
    update += (threshold - 1) * params.SEED_BYTES
    commitments = 2 * 32 * n
    vector, listed = bytes(chosen.share_bytes), tuple(Entry(i, bytes(32)) for i in range(1, n + 1))
    challenge = signed(0, Challenge(bytes(32), bytes(32), listed, bytes(32)))
    held = signed(n, Answer(bytes(32), bytes(32), bytes(32 * n), b""))
    dealt = signed(n, Answer(bytes(32), bytes(32), b"", bytes(32 * threshold)))
    asked = size([challenge]) + len(wire.encode(Answered((held, dealt))))
    release = signed(n, Release(bytes(32), bytes(32), vector))
    shown = signed(n, Shown(bytes(32), (ShownShare(1, 2, vector, bytes(32)),)))
    # A lie about a release takes the release, one about a share both answers and the share.
    names = max(size([release, held] * liars), size([held, dealt, shown] * liars))
    opening = size([challenge, *[held] * threshold]) + names
    everything = (commitments + asked + size([shown]) + opening) / update
    shares, all_releases = liars * chosen.share_bytes / update, size([release] * n)
    return (
        f"| {n} | {liars} | {update:,} | {commitments:,} | {asked:,} | {size([shown]):,} | {opening:,} ({opening / update:.2%}) "
        f"| {everything:.2%} | {shares:.2%} | {all_releases:,} ({all_releases / update:.2%}) |"
    )


def signed(sender: int, body: Any) -> bytes:
    return sign(Identity(bytes(32)), bytes(32), sender, body)


def size(messages: Iterable[bytes]) -> int:
    """Bytes of signed messages inside another one."""
    return len(wire.encode(Answered(tuple(messages))))


if __name__ == "__main__":
    main()
