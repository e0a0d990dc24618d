"""What a certified sum that does not open costs in bytes, beside one that opens: 1 M parameters, one false share dealt.

Bytes of messages only; the share that decides a dispute is what differs most from sum to sum.
"""

from __future__ import annotations

import numpy as np

from cipherward.crypto import params, wire
from cipherward.crypto.quorum import parameters_of
from cipherward.crypto.scheme import SumTask
from cipherward.sums.messages import Answer, Challenge, Entry, ShownShare
from cipherward.thresholds import derive

N_PARAMETERS = 1_000_000


def main() -> None:
    print("| hospitals | update | commitments | challenge and answer | one share shown | all, of the update |")
    print("|---|---|---|---|---|---|")
    for n in (8, 50):
        numbers = derive(n)
        task = SumTask(bytes(32), n, numbers.threshold, 16, N_PARAMETERS, N_PARAMETERS, N_PARAMETERS)
        chosen = parameters_of(task)
        update = chosen.payload_bytes + n * params.SEALING_BYTES + (n - numbers.threshold + 1) * chosen.share_bytes
        update += (numbers.threshold - 1) * params.SEED_BYTES
        commitments = 2 * 32 * n
        challenge = Challenge(bytes(32), bytes(32), tuple(Entry(i, bytes(32)) for i in range(1, n + 1)))
        answer = Answer(bytes(32), bytes(32), np.zeros(8 * n, "<u4").tobytes(), bytes(32 * numbers.threshold))
        asked = len(wire.encode(challenge)) + len(wire.encode(answer)) + 2 * 140
        shown = len(wire.encode(ShownShare(1, 2, bytes(chosen.share_bytes), bytes(32))))
        share = (commitments + asked + shown) / update
        print(f"| {n} | {update:,} | {commitments:,} | {asked:,} | {shown:,} | {share:.2%} |")


if __name__ == "__main__":
    main()
