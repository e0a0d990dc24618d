"""What every party of a study knows before the first message: the roster, the numbers, the scheme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cipherward.crypto.identity import COORDINATOR, Identity, open_signed
from cipherward.crypto.scheme import Opener, Scheme, SumTask
from cipherward.disclosure.blocks import Blocks, Register
from cipherward.errors import ProtocolError
from cipherward.sums import forks
from cipherward.sums.messages import CONSENT, VOID, VoidCertificate, Vote, read

USUAL_REGISTER = "table"


@dataclass(frozen=True)
class Rules:
    """The study's public facts. `keys` maps roster index (0 is the coordinator) to public key, `registers` to the name of
    the hospital's register, where it has another than the usual one, `first_keys` to the key that its own one stands for (rule
    4). `blocks`: those of the study; none: everybody stands alone."""

    study: bytes
    keys: Mapping[int, bytes]
    threshold: int
    min_contributors: int
    scheme: Scheme
    blocks: Blocks = field(default_factory=lambda: Blocks(()))
    registers: Mapping[int, str] = field(default_factory=dict)
    first_keys: Mapping[int, bytes] = field(default_factory=dict)

    def register(self, hospital: int) -> Register:
        """The register with which a hospital takes part."""
        key = self.first_keys.get(hospital, self.keys[hospital])
        return Register(key, self.registers.get(hospital, USUAL_REGISTER))

    @property
    def n_hospitals(self) -> int:
        return len(self.keys) - 1

    @property
    def corrupt(self) -> int:
        """The most hospitals that may be corrupt with this threshold: 2t > n + f."""
        return 2 * self.threshold - self.n_hospitals - 1

    @property
    def is_encrypted(self) -> bool:
        """Whether two honest contributions are never the same bytes."""
        return self.scheme.opener is not Opener.ANYONE

    @property
    def hides_single_updates(self) -> bool:
        """Whether nobody can read one hospital's contribution while no more than the agreed number collude."""
        return self.scheme.opener is Opener.HOSPITALS


@dataclass(frozen=True)
class Member:
    """A hospital (index 1..n) or the coordinator (index 0), with its signature key."""

    rules: Rules
    index: int
    identity: Identity = field(repr=False)

    @property
    def is_coordinator(self) -> bool:
        return self.index == COORDINATOR


def distinct_votes(
    rules: Rules, task: SumTask, votes: tuple[bytes, ...], choice: int, manifest: bytes
) -> dict[int, Vote]:
    """The valid votes by hospital; every one must be for this context, choice and manifest digest.

    Raises:
        ProtocolError: a forged, foreign, repeated or differing vote, or fewer than `threshold`.
    """
    by_hospital: dict[int, Vote] = {}
    for data in votes:
        sender, vote = signed_vote(rules, data)
        forks.check(f"hospital {sender}", vote.last, task.last)
        if vote.context != task.context or vote.choice != choice or vote.manifest_digest != manifest:
            raise ProtocolError(f"the vote of hospital {sender} is about something else")
        if sender in by_hospital:
            raise ProtocolError(f"hospital {sender} is counted twice")
        by_hospital[sender] = vote
    if len(by_hospital) < rules.threshold:
        raise ProtocolError(f"{len(by_hospital)} vote(s) where the study asks for {rules.threshold}")
    return by_hospital


def signed_vote(rules: Rules, data: bytes) -> tuple[int, Vote]:
    """A vote with its sender, signature checked."""

    signed = open_signed(data, study=rules.study, keys=rules.keys, kind="Vote")
    if signed.sender == COORDINATOR:
        raise ProtocolError("the coordinator has no vote")
    vote = read(signed, Vote)
    if vote.choice not in (CONSENT, VOID):
        raise ProtocolError(f"hospital {signed.sender} sent a vote that is neither consent nor void")
    return signed.sender, vote


def check_voids(rules: Rules, earlier: Sequence[bytes], voids: Sequence[VoidCertificate]) -> None:
    """Whether every earlier attempt at a sum is proved void.

    Args:
        earlier: their contexts, in order.

    Raises:
        ProtocolError: a certificate is missing, or holds too few valid, distinct void votes.
    """
    if len(voids) != len(earlier):
        raise ProtocolError(
            f"attempt {len(earlier)} needs a void certificate for each earlier one, and has {len(voids)}"
        )
    for context, certificate in zip(earlier, voids, strict=True):
        check_void(rules, context, certificate.votes)


def check_void(rules: Rules, context: bytes, votes: tuple[bytes, ...]) -> None:
    """Whether `votes` prove that the sum of `context` can never be certified.

    Raises:
        ProtocolError: fewer than `threshold` valid, distinct void votes.
    """
    voters = set()
    for data in votes:
        sender, vote = signed_vote(rules, data)
        if vote.context == context and vote.choice == VOID:
            voters.add(sender)
    if len(voters) < rules.threshold:
        raise ProtocolError(f"a void certificate needs {rules.threshold} void votes, found {len(voters)}")
