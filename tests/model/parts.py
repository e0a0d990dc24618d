"""What the parties of the model can say, by the real steps over a toy ring, each worked out once.

Hospitals 1 to 3 are honest; hospital 4 and the coordinator are one adversary. n = 4, t = 3, f = 1. The steps are pure, so
what they return for the same arguments may be remembered: exploring hundreds of thousands of states costs no cryptography.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from tests.schedules import world
from tests.sums.sum_parties import Sum, parties, random_bytes, shares_in, vector_of

from cipherward.consortium.service.hospital_beginning import HospitalBeginning
from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import payload_digest, sealed_digest
from cipherward.disclosure.blocks import ALONE, Block, Blocks, Register
from cipherward.disclosure.standing import Agreement, Statement
from cipherward.errors import CipherwardError, ProtocolError
from cipherward.parties import inventories
from cipherward.parties.inventories import Inventory
from cipherward.runs.folder import RunDirectory
from cipherward.study import Study
from cipherward.sums import false_shares, hospital_steps
from cipherward.sums.digests import Entry
from cipherward.sums.evidence import Shown, ShownShare
from cipherward.sums.hospital_steps import Consent, Dealt
from cipherward.sums.messages import Certificate, ConsentRequest, FalseShare, Header, Manifest, ShareFor, unsign
from cipherward.sums.votes import check_void

HONEST = (1, 2, 3)
LIAR = 4
EVERYBODY = (*HONEST, LIAR)
VARIANTS = 4


@dataclass(frozen=True, order=True)
class Listed:
    """A manifest of an attempt: whom it lists, and which of its headers the liar is listed with."""

    attempt: int
    members: tuple[int, ...]
    variant: int = 0


@dataclass(frozen=True)
class Case:
    """A roster's block and answers. `founded`: whether the block has been in a sum before.

    `entered`: who has new patients since that sum (rule 7). `second`: the block of another study over the same registers. `is_again`:
    that one is the same study, of which the coordinator says otherwise with whom it begins: its sum is the same sum.
    """

    name: str
    members: tuple[int, ...]
    agreed: tuple[int, ...]
    founded: bool
    entered: tuple[int, ...] = ()
    second: tuple[int, ...] = ()
    is_again: bool = False

    @cached_property
    def listed(self) -> tuple[Blocks, ...]:
        """By study, the blocks that its document lists."""
        return tuple(Blocks([Block(tuple(map(register, some)), 3)]) for some in (self.members, self.second) if some)

    def block(self, study: int = 0) -> Block:
        return self.listed[study].listed[0]

    def statement(self, hospital: int, variant: int = 0, study: int = 0) -> Statement:
        """What a hospital's header says; the liar's is one of: the truth, a yes, a loner's, new patients."""
        own = register(hospital)
        block, answer = self.listed[study].of(own), Agreement(hospital in self.agreed)
        if hospital == LIAR and variant in (1, 2):
            return Statement(own, (block, ALONE)[variant - 1], Agreement.YES)
        return Statement(own, block, answer, has_entered=hospital in self.entered or (hospital, variant) == (LIAR, 3))

    @property
    def variants(self) -> int:
        """How many headers of the liar make a difference."""
        return VARIANTS if self.entered else VARIANTS - 1


CASES = (
    Case("all in one block, nobody agreed", EVERYBODY, (), False),
    Case("all in one block, hospital 3 agreed", EVERYBODY, (3,), True),
    Case("hospital 3 alone by agreement", (1, 2, 4), (3,), True),
    Case("hospital 1 alone has new patients", EVERYBODY, (), True, entered=(1,)),
    Case("hospitals 1 and 2 have new patients", EVERYBODY, (), True, entered=(1, 2)),
)
TWO_FOUNDINGS = Case("another study leaves hospital 3 out", EVERYBODY, (), False, second=(1, 2, 4))
TWO_BEGINNINGS = Case("two beginnings of one study", EVERYBODY, (), True, second=EVERYBODY, is_again=True)


def register(hospital: int) -> Register:
    return Register(b"key %d" % hospital, "p")


class Parts:
    """Every message of every attempt, made when it is first needed."""

    def __init__(self) -> None:
        self._first = parties(4)
        self.rules = self._first.rules
        self._runs: dict[int, tuple[Sum, dict[tuple[int, int], Dealt]]] = {}
        self._consents: dict[tuple[Listed, int], Consent | None] = {}
        self._facts: dict[tuple[object, ...], bool] = {}

    def deals(self, attempt: int) -> tuple[Sum, dict[tuple[int, int], Dealt]]:
        """Everybody's keys and contributions by (hospital, variant); the liar has several."""
        if attempt not in self._runs:
            run = Sum(self._first.in_another(attempt=attempt))
            run.join()
            dealt = {(i, 0): run.deal_one(i) for i in HONEST}
            for variant in range(VARIANTS):
                dealt[LIAR, variant] = self._liars(run, variant)
            self._runs[attempt] = run, dealt
        return self._runs[attempt]

    def _liars(self, run: Sum, variant: int) -> Dealt:
        vector, noise = vector_of(run.parties, LIAR), random_bytes("deal", variant, run.task.context)
        return hospital_steps.deal(run.member(LIAR), run.task, run.joined, vector, noise, run.private[LIAR])

    def request(self, listed: Listed, holder: int) -> tuple[Manifest, ConsentRequest]:
        """What the coordinator signs and sends to one hospital."""
        run, dealt = self.deals(listed.attempt)
        chosen = [dealt[i, listed.variant if i == LIAR else 0] for i in listed.members]
        total = self.rules.scheme.accumulator(run.task, np.zeros(run.task.n_lanes))
        for one in chosen:
            total.add(one.payload)
        entries = tuple(Entry(i, digest("header", d.header)) for i, d in zip(listed.members, chosen, strict=True))
        manifest = Manifest(run.task.context, entries, payload_digest(total.total()))
        shares = tuple(ShareFor(i, shares_in(d)[holder]) for i, d in zip(listed.members, chosen, strict=True))
        headers = tuple(d.header for d in chosen)
        return manifest, ConsentRequest(run.parties.sign(COORDINATOR, manifest), headers, shares)

    def consent(self, listed: Listed, holder: int) -> Consent | None:
        """What `hospital_steps.consent` gives; None where it refuses or complains."""
        key = listed, holder
        if key not in self._consents:
            run, dealt = self.deals(listed.attempt)
            private, own = run.private[holder], dealt.get((holder, 0))
            _, request = self.request(listed, holder)
            try:
                given = hospital_steps.consent(run.member(holder), run.task, request, private_key=private, own=own)
            except CipherwardError:
                given = None
            self._consents[key] = given if isinstance(given, Consent) else None
        return self._consents[key]

    def is_void(self, attempt: int, voters: frozenset[int]) -> bool:
        """Whether `check_void` takes the void votes of these hospitals for a certificate."""

        def step() -> None:
            run, _ = self.deals(attempt)
            votes = tuple(run.parties.sign(i, hospital_steps.void(run.task)) for i in sorted(voters))
            check_void(self.rules, run.task.context, votes)

        return self._passes(("void", attempt, voters), step)

    def releases(self, listed: Listed, holder: int, voters: frozenset[int], consented: Listed) -> bool:
        """Whether `hospital_steps.release` answers a certificate of these consents, given the holder's own consent."""

        def step() -> None:
            run, _ = self.deals(listed.attempt)
            given = self._given(consented, holder)
            mark = digest("manifest", wire.encode(self.request(listed, holder)[0]))
            votes = tuple(run.parties.sign(i, self._given(listed, i).vote) for i in sorted(voters))
            certificate = Certificate(mark, votes)
            hospital_steps.release(run.member(holder), run.task, certificate, given, run.private[holder])

        return self._passes(("release", listed, holder, voters, consented), step)

    def proves(self, dealer: int) -> bool:
        """Whether `false_shares.dealers` takes anything that can be shown for proof that this dealer's share was false: the
        liar signs what it likes, an honest dealer shows the share that it dealt."""
        run, dealt = self.deals(0)
        header = unsign(dealt[dealer, 0].header, Header, study=self.rules.study, keys=self.rules.keys)
        holder = header.shares.holders[0]
        sealed = sealed_digest(shares_in(dealt[dealer, 0])[holder])
        one_time, holders = dealt[dealer, 0].one_time, header.shares.holders
        true = QuorumScheme().share_shown(run.task, dealer, one_time, holders, holder)
        shown = {(LIAR, bytes(len(true))), (dealer, true)} | ({(LIAR, true)} if dealer == LIAR else set())

        def named(signer: int, share: bytes) -> None:
            message = Shown(run.task.context, (ShownShare(dealer, holder, share, sealed),), ())
            proof = FalseShare(dealt[dealer, 0].header, run.parties.sign(signer, message))
            false_shares.dealers(self.rules, run.task, [run.task.context], [proof])

        return any(
            self._passes(("proof", dealer, signer, share), partial(named, signer, share)) for signer, share in shown
        )

    def begins(self, hospital: int, kept: int, shown: int) -> bool:
        """Whether a hospital to which one beginning of a study was shown (`kept`; -1: none) takes this one."""

        def step() -> None:
            with tempfile.TemporaryDirectory() as folder:
                offered = SimpleNamespace(folder=Path(folder), study=self._study, index=hospital, inventory=b"")
                offered.inventory = self._beginning(0)[hospital - 1]
                for which in (kept, shown) if kept >= 0 else (shown,):
                    own = HospitalBeginning(offered, RunDirectory(Path(folder) / "run"))  # type: ignore[arg-type]
                    own.take(wire.encode(inventories.Shown(self._beginning(which))))

        return self._passes(("begins", hospital, kept, shown), step)

    @cached_property
    def _study(self) -> Study:
        return world.setting(4, 3).study

    def _beginning(self, which: int) -> tuple[bytes, ...]:
        """The signed inventories of all; the liar's says one thing or another."""
        study, keys = self._study, world.setting(4, 3).keys.identities
        columns = tuple(column.name for column in study.columns)
        return tuple(
            inventories.sign(keys[i], i, Inventory(study.digest(), 1, 8 + which * (i == LIAR), columns))
            for i in EVERYBODY
        )

    def _given(self, listed: Listed, holder: int) -> Consent:
        given = self.consent(listed, holder)
        if given is None:
            raise ProtocolError("this hospital does not consent to that")
        return given

    def _passes(self, key: tuple[object, ...], step: Callable[[], object]) -> bool:
        if key not in self._facts:
            try:
                step()
                self._facts[key] = True
            except CipherwardError:
                self._facts[key] = False
        return self._facts[key]
