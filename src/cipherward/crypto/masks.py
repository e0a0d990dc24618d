"""`masks`: pairwise masks that cancel in the sum, with shared seeds for drop-outs. The SMPC baseline, for comparison.

One-round variant of Bonawitz et al. 2017 (CCS, "Practical secure aggregation"), in which shares travel with the payload.
Hospital i sends y_i = x_i + PRG(b_i) + sum_{j > i} PRG(s_ij) - sum_{j < i} PRG(s_ij) modulo 2^lane_bits, where b_i is its
own seed and s_ij follows from an X25519 agreement with every j that joined. It Shamir-shares b_i and every s_ij among
those who joined. For the contributors A, holders release the shares of b_i (i in A) and of s_ij (i in A, j joined but not
in A); everything else cancels. The seeds s_ij are shared, not the X25519 key: whoever joined and sent nothing has
dealt no share of its key. An s_ij that is opened uncovers that pair's mask only; an update of j that comes late stays
under b_j, which is never released.

For comparison on one machine; every engine that leaves the machine refuses it. What it lacks beside `quorum`:

- No fingerprints: nothing shows that the total is the sum of exactly the listed payloads. A coordinator could announce
  another total; that it does not is assumed, and receipts say so.
- The masks between pairs rest on X25519 alone, which a quantum attacker breaks; b_i is public once the sum is open, and adds
  nothing to them.
- An update carries a share of each of its n seeds for each of n holders, and costs n expansions.

Not independently audited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from cipherward.compiled import In1, Out1, inlined, kernel
from cipherward.crypto import sealing, seeds, shamir, wire
from cipherward.crypto._jit import U8, U32
from cipherward.crypto.hashing import digest
from cipherward.crypto.releases import contradiction, is_usable, read
from cipherward.crypto.sampling import Xof
from cipherward.crypto.scheme import (
    Accumulator,
    DealtShare,
    Opened,
    Opener,
    Protected,
    SchemeFacts,
    SumTask,
)
from cipherward.errors import ProtocolError, SuspectError, WireError

_CHECK_BITS = 128
_BLOCK = 1 << 16


@dataclass(frozen=True)
class _Form:
    """How a vector travels: `n_words` lanes modulo 2^lane_bits, each in `lane_bytes` bytes, little endian.

    The last ones, 128 bits or more, are 0 in every honest contribution. Where n is a power of two a random lane is
    nearly always in range, so they are what tells a wrong seed from a right one.
    """

    n_lanes: int
    lane_bits: int

    @property
    def lane_bytes(self) -> int:
        return -(-self.lane_bits // 8)

    @property
    def n_words(self) -> int:
        return self.n_lanes + -(-_CHECK_BITS // self.lane_bits)

    @property
    def modulo(self) -> np.uint32:
        return np.uint32((1 << self.lane_bits) - 1)

    def pack(self, words: U32) -> bytes:
        data = np.empty(self.n_words * self.lane_bytes, np.uint8)
        _pack(words, self.lane_bytes, data)
        return data.tobytes()

    def unpack(self, data: bytes, what: str) -> U32:
        lanes = np.zeros(self.n_words, np.uint32)
        self.add(data, what, lanes)
        return lanes

    def add(self, data: bytes, what: str, total: U32) -> None:
        """total uint32[n_words] += the lanes of `data`. Raises WireError, before anything is added: malformed."""
        if len(data) != self.n_words * self.lane_bytes:
            raise WireError(f"{what} has {len(data)} bytes, {self.n_words * self.lane_bytes} expected")
        lanes = np.frombuffer(data, np.uint8)
        if _used_bits(lanes, self.lane_bytes) > int(self.modulo):
            raise WireError(f"{what} has a lane of more than {self.lane_bits} bits")
        _add_lanes(lanes, self.lane_bytes, self.modulo, total)


@kernel
def _pack(words: In1[np.uint32], lane_bytes: int, data: Out1[np.uint8]) -> None:
    for b in range(lane_bytes):
        shift = np.uint32(8 * b)
        for i in range(words.size):
            data[i * lane_bytes + b] = np.uint8((words[i] >> shift) & np.uint32(255))


@inlined
def _lane(data: U8, at: int, lane_bytes: int) -> np.uint32:
    lane = np.uint32(data[at])
    if lane_bytes > 1:
        lane |= np.uint32(data[at + 1]) << np.uint32(8)
    if lane_bytes > 2:
        lane |= np.uint32(data[at + 2]) << np.uint32(16)
    if lane_bytes > 3:
        lane |= np.uint32(data[at + 3]) << np.uint32(24)
    return lane


@kernel
def _used_bits(data: In1[np.uint8], lane_bytes: int) -> int:
    """All lanes, or-ed: which bits are set in any of them."""
    used = np.uint32(0)
    for i in range(data.size // lane_bytes):
        used |= _lane(data, i * lane_bytes, lane_bytes)
    return int(used)


@kernel
def _add_lanes(data: In1[np.uint8], lane_bytes: int, modulo: np.uint32, total: Out1[np.uint32]) -> None:
    for i in range(total.size):
        total[i] = np.uint32(total[i] + _lane(data, i * lane_bytes, lane_bytes)) & modulo


class _MaskedSum:
    def __init__(self, form: _Form) -> None:
        self._form = form
        self._total = np.zeros(form.n_words, np.uint32)

    def add(self, payload: bytes) -> None:
        self._form.add(payload, "a masked update", self._total)

    def total(self) -> bytes:
        return self._form.pack(self._total)


class MasksScheme(SchemeFacts):
    """See the module. Stateless; every secret is an argument or is overwritten before the function returns."""

    name = "masks"
    protection = (
        "Each pair of hospitals hides its contributions behind masks that cancel in the sum (secure aggregation, for "
        "comparison). {threshold} of {n} hospitals must agree before the masks that remain are opened. Nothing checks that "
        "the sum holds exactly the listed contributions."
    )
    opening = (
        "{consents} hospitals consented ({threshold} needed), and released shares of the masks left in this one sum."
    )
    caution = "Scheme masks exists for comparison: nothing shows that the coordinator added what it lists."
    max_hospitals = 256  # pairs share a seed each, and every holder a share of each: it grows with n^3
    opener = Opener.HOSPITALS
    deals_shares = True
    assumes = "the coordinator added exactly the listed contributions, and nothing else, to the sum"

    def make_key(self, randomness: bytes) -> tuple[bytes, bytes]:
        """Join: (96 private bytes, 1248 public ones: HPKE key, then the X25519 key that pairs agree with)."""
        curve = seeds.pair_key(randomness).public_key().public_bytes_raw()
        return randomness, sealing.public_key(randomness) + curve

    def key_is_usable(self, key: bytes) -> bool:
        """Join: a trial seal and a trial agreement, since points of low order give no shared secret."""
        try:
            seeds.agree(seeds.pair_key(bytes(sealing.PRIVATE_BYTES)), key)
        except WireError:
            return False
        return sealing.key_is_usable(key[: sealing.PUBLIC_BYTES])

    def protect(
        self,
        task: SumTask,
        sender: int,
        vector: npt.NDArray[np.generic],
        holders: Mapping[int, bytes],
        randomness: bytes,
        private_key: bytes = b"",
    ) -> Protected:
        """Deal: mask the lanes, share and seal all seeds.

        Raises:
            WireError: a holder's key is malformed, or the sender's is not the one that it joined with.
            ValueError: not uint32[n_lanes] below 2^bits, fewer holders than the threshold, or no private key.
        """
        form = form_of(task)
        if vector.dtype != np.uint32 or vector.shape != (task.n_lanes,):
            raise ValueError(f"a contribution is uint32[{task.n_lanes}], not {vector.dtype}{list(vector.shape)}")
        lanes = np.ascontiguousarray(vector, dtype=np.uint32)
        if int(lanes.max()) >= 1 << task.bits:
            raise ValueError(f"a lane does not fit in {task.bits} bits")
        if len(holders) < task.threshold:
            raise ValueError(f"{len(holders)} holders for a threshold of {task.threshold}")
        if holders.get(sender) != self.make_key(private_key)[1]:
            raise WireError("the sender did not join with this private key")
        # As in `quorum`, the message enters: b of a restored snapshot of this machine hides no second message.
        one_time = digest("one-time", randomness, task.context, digest("message", lanes.data.cast("B")))
        chosen = {
            other: _stream(one_time, "self-mask")
            if other == sender
            else seeds.pair_seed(task, sender, private_key, other, key)
            for other, key in sorted(holders.items())
        }
        words = np.zeros(form.n_words, np.uint32)
        words[: task.n_lanes] = lanes
        for other, seed in chosen.items():
            _add_mask(words, seed, negative=other < sender)
        words &= form.modulo
        payload = form.pack(words)
        sealed: dict[int, bytes] = {}
        made = Protected(payload, sealed)
        for holder, values in seeds.share(task, list(chosen), list(chosen.values()), _stream(one_time, "share")):
            plain = wire.encode(seeds.Dealing(tuple(chosen), values))
            public, purpose = (
                holders[holder][: sealing.PUBLIC_BYTES],
                sealing.info(task, sender, holder, made.payload_digest),
            )
            sealed[holder] = sealing.commitment(task, sender, holder, plain) + sealing.seal(plain, public, purpose)
        return made

    def open_shares(self, task: SumTask, holder: int, private_key: bytes, dealt: Mapping[int, DealtShare]) -> Opened:
        """Consent: the shares, and dealers whose share does not open, is malformed, or names others who joined than most do.

        Every contributor must share a mask with every other: otherwise a coordinator that shows hospitals different
        lists of joins could leave one with masks that are all opened.
        """
        key, found = sealing.private_key(private_key), dict[int, seeds.Dealing]()
        for dealer, share in sorted(dealt.items()):
            try:
                found[dealer] = seeds.open_dealing(task, holder, dealer, key, share)
            except WireError:
                continue
        lists = Counter(dealing.joined for dealing in found.values() if {holder, *dealt} <= set(dealing.joined))
        usual = lists.most_common(1)[0][0] if lists else ()
        return dealt, [dealer for dealer in sorted(dealt) if dealer not in found or found[dealer].joined != usual]

    def release(self, task: SumTask, holder: int, private_key: bytes, dealt: Mapping[int, DealtShare]) -> bytes:
        """Release: this holder's shares of every contributor's b, and of its seeds with those who did not contribute."""
        key, values, lists = sealing.private_key(private_key), list[bytes](), set[tuple[int, ...]]()
        for dealer, share in sorted(dealt.items()):
            dealing = seeds.open_dealing(task, holder, dealer, key, share)
            lists.add(dealing.joined)
            each = dict(zip(dealing.joined, seeds.cut(dealing.values), strict=True))
            values += [each[dealer], *(each[j] for j in dealing.joined if j not in dealt)]
        joined: set[int] = set().union(*lists)
        if len(lists) != 1 or not set(dealt) <= joined:
            raise WireError("the dealers disagree about who joined")
        absent = joined - set(dealt)
        return wire.encode(seeds.SeedTable(tuple(sorted(dealt)), tuple(sorted(absent)), b"".join(values)))

    def update_limit(self, task: SumTask) -> int:
        form = form_of(task)
        return form.n_words * form.lane_bytes + task.n_hospitals * (40 * task.n_hospitals + 1_400)

    def release_is_usable(self, task: SumTask, data: bytes) -> bool:
        """Open: whether it holds one share for each seed that its lists of hospitals name."""
        return is_usable(partial(seeds.released, task), data)

    def accumulator(self, task: SumTask, base: npt.NDArray[np.float64]) -> Accumulator:
        """Sum: an empty running sum; `base` is not used."""
        return _MaskedSum(form_of(task))

    def open(
        self,
        task: SumTask,
        total: bytes,
        releases: Mapping[int, bytes],
        base: npt.NDArray[np.float64],
        n_contributors: int,
    ) -> bytes:
        """Open: the seeds that the releases determine. Whether the total opens under them is for `sums` to say.

        Raises:
            SuspectError: a release is malformed, or they contradict each other: a holder or a dealer cheated.
            ValueError: fewer than t releases.
        """
        if len(releases) < task.threshold:
            raise ValueError(f"{len(releases)} release(s) for a threshold of {task.threshold}")
        found = read(releases, partial(seeds.released, task))
        first, _ = next(iter(found.values()))
        sets = {(table.dealers, table.absent) for table, _ in found.values()}
        if len(sets) != 1 or len(first.dealers) != n_contributors:
            raise SuspectError("the releases are for different sets of hospitals", culprit="a holder who released")
        points, t = list(found), task.threshold
        shares = np.stack([values for _, values in found.values()])
        if not np.array_equal(shamir.evaluate(points[:t], shares[:t], points[t:], seeds.FIELD), shares[t:]):
            raise contradiction()
        opened = shamir.evaluate(points[:t], shares[:t], [0], seeds.FIELD)[0]
        return wire.encode(seeds.SeedTable(first.dealers, first.absent, opened.astype("<u4").tobytes()))

    def sums(self, task: SumTask, total: bytes, witness: bytes, n_contributors: int) -> npt.NDArray[np.generic]:
        """Verify: the total without the masks that the witness opens, int64[n_lanes].

        Raises:
            WireError: malformed total or witness.
            ProtocolError: does not open.
        """
        form = form_of(task)
        words = form.unpack(total, "a masked total")
        table = seeds.parse(task, witness)
        if len(table.dealers) != n_contributors:
            raise ProtocolError("the sum does not open: the seeds are those of other contributors")
        for dealer, other, seed in seeds.opened(table):
            _add_mask(words, seed, negative=other >= dealer)
        words &= form.modulo
        lanes, checks = words[: task.n_lanes].astype(np.int64), words[task.n_lanes :]
        if checks.any():
            raise ProtocolError("the sum does not open: masks are left in it")
        if int(lanes.max()) > n_contributors * ((1 << task.bits) - 1):
            raise ProtocolError("the sum does not open: a lane is larger than the contributors can give")
        return lanes


def form_of(task: SumTask) -> _Form:
    """How the vectors of a sum travel.

    Raises:
        ValueError: a lane over all hospitals takes more than 32 bits.
    """
    lane_bits = task.bits + (task.n_hospitals - 1).bit_length()
    if lane_bits > 32:
        raise ValueError(f"lanes of {task.bits} bits over {task.n_hospitals} hospitals do not fit in 32 bits")
    return _Form(task.n_lanes, lane_bits)


def _stream(key: bytes, purpose: str) -> bytes:
    return digest(f"stream/{purpose}", key)


def _add_mask(words: U32, seed: bytes, *, negative: bool) -> None:
    # 32 bits of keystream for each lane; modulo 2^lane_bits they are as uniform. A seed serves this stream only.
    xof, block = Xof(seed), np.empty(min(words.size, _BLOCK), "<u4")
    xof.start(0)
    combine = np.subtract if negative else np.add
    for begin in range(0, words.size, _BLOCK):
        part = words[begin : begin + _BLOCK]
        xof.fill(block[: part.size])
        combine(part, block[: part.size], out=part)
    block.fill(0)
