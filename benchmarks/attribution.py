"""What a certified sum that does not open costs in bytes, beside one that opens: 1 M parameters, one to f liars.

Real steps of all parties in one process, and their real messages. Each liar releases a false sum of its shares; it owns up to it, or
blames one honest dealer for it, or differs with everybody. All liars have to be named. Counted are the extra bytes of the honest
hospital that has most of them, up and down together.
"""

from __future__ import annotations

import dataclasses
import os

import numpy as np

from cipherward.crypto import slices, wire
from cipherward.crypto.identity import COORDINATOR, Signed
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import sealed_digest
from cipherward.crypto.sealing import COMMITMENT_BYTES
from cipherward.sums import challenge, hospital_steps
from cipherward.sums.cases import shape_of
from cipherward.sums.coordinator_steps import Collection
from cipherward.sums.evidence import Answer, Answered, Challenge, Shown, ShownSlice, ShowRequest
from cipherward.sums.hospital_steps import Consent, Dealt
from cipherward.sums.inquiry import Inquiry
from cipherward.sums.messages import Header, Opening, Release, unsign
from cipherward.sums.run_sum import make_parties
from cipherward.thresholds import derive

N_PARAMETERS = 1_000_000
LIES = {"nothing else": 0, "one dealer": 1, "every dealer": 1 << 20}
"""What a liar answers falsely, beside its false release: about the shares of how many honest dealers."""


def main() -> None:
    print("| hospitals | an update | a liar blames | one liar | two | f | of f: the opening |")
    print("|---" * 7 + "|")
    for n in (8, 50):
        certified, most = Certified(n), derive(n).corrupt
        for lie, n_blamed in LIES.items():
            costs = [certified.failed(n_liars, n_blamed) for n_liars in (1, 2, most)]
            shares = " | ".join(f"{extra / certified.update:.2%}" for extra, _ in costs)
            print(
                f"| {n} (f = {most}) | {certified.update:,} | {lie} | {shares} | {costs[-1][1]:,} bytes |", flush=True
            )


class Certified:
    """A sum of n hospitals to which all have consented. `update`: the bytes of one of its updates."""

    def __init__(self, n: int) -> None:
        parties = make_parties(lambda _: QuorumScheme(), n, N_PARAMETERS)
        self.task, self.members, self.hospitals = parties.task, parties.members, parties.hospitals
        self.scheme, self.rules, self.sign = QuorumScheme(), parties.rules, parties.sign
        self.collection = Collection(self.members[COORDINATOR], self.task, np.zeros(N_PARAMETERS), {})
        self.keys: dict[int, bytes] = {}
        for i in self.hospitals:
            self.keys[i], join = hospital_steps.join(self.members[i], self.task, os.urandom(96))
            self.collection.add_join(i, join)
        joined, lanes = self.collection.close_joins(), np.zeros(N_PARAMETERS, np.uint32)
        self.dealt: dict[int, Dealt] = {}
        for i in self.hospitals:
            dealt = hospital_steps.deal(self.members[i], self.task, joined, lanes, os.urandom(32), self.keys[i])
            self.collection.add_update(i, dealt.update)
            self.update = len(dealt.update)
            self.dealt[i] = Dealt(dealt.header, dealt.payload, b"", dealt.one_time)
        self.consents: dict[int, Consent] = {}
        for i, request in self.collection.close().items():
            given = hospital_steps.consent(
                self.members[i], self.task, request, private_key=self.keys[i], own=self.dealt[i]
            )
            assert isinstance(given, Consent)
            self.consents[i] = given
            self.collection.add_vote(i, self.sign(i, given.vote))
        certificate = self.collection.certificate()
        self.releases = {
            i: hospital_steps.release(self.members[i], self.task, certificate, given, self.keys[i])
            for i, given in self.consents.items()
        }

    def failed(self, n_liars: int, n_blamed: int) -> tuple[int, int]:
        """The extra bytes of an honest hospital, and of the opening alone."""
        # The last ones: their releases are not among those that give the witness, so that their answers are extra.
        liars = self.hospitals[-n_liars:]
        releases = self.releases | {i: self._bent(i) for i in liars}
        opening, digest = self._opening(releases), self.collection.manifest_digest
        inquiry = Inquiry(self.members[COORDINATOR], self.task, opening, digest)
        asked = unsign(inquiry.signed, Challenge, study=self.rules.study, keys=self.rules.keys)
        extra = dict.fromkeys(self.hospitals, 2 * COMMITMENT_BYTES * len(self.hospitals) + len(inquiry.signed))
        honest = [i for i in self.hospitals if i not in liars]
        for i in self.hospitals:
            blamed = [honest[(i + k) % len(honest)] for k in range(min(n_blamed, len(honest)))]
            said = self._answer(i, asked, releases[i], blamed if i in liars else [])
            inquiry.add_answer(i, said)
            extra[i] += len(said)
        for i, request in inquiry.disputed.items():
            if i in honest:
                shown = self.sign(i, self._shown(i, request))
                inquiry.add_shown(i, shown)
                extra[i] += len(self.sign(COORDINATOR, request)) + len(shown)
        evidence = inquiry.evidence()
        named = challenge.verdict(self.rules, self.task, evidence).named
        assert named == set(liars), f"{sorted(named)} named of {list(liars)}"
        without = dataclasses.replace(evidence, releases=(), challenge=b"", answers=(), contradictions=())
        added = len(wire.encode(evidence)) - len(wire.encode(without))
        return max(extra[i] for i in honest) + added, added

    def _bent(self, i: int) -> bytes:
        body = unsign(self.releases[i], Release, study=self.rules.study, keys=self.rules.keys)
        return self.sign(i, Release(body.context, body.manifest_digest, bytes([body.shares[0] ^ 1]) + body.shares[1:]))

    def _opening(self, releases: dict[int, bytes]) -> Opening:
        first = {i: challenge.shares_in(releases[i]) for i in self.hospitals[: self.rules.threshold]}
        witness = self.scheme.open(self.task, self.collection.total, first, np.zeros(0), len(self.hospitals))
        made = self.collection.opening(1, 0, witness, bytes(32))
        return dataclasses.replace(made, releases=tuple(releases.values()))

    def _answer(self, i: int, asked: Challenge, release: bytes, blamed: list[int]) -> bytes:
        header = unsign(self.dealt[i].header, Header, study=self.rules.study, keys=self.rules.keys)
        answered = challenge.answer(
            self.members[i],
            self.task,
            asked,
            private_key=self.keys[i],
            signed_release=release,
            held=self.consents[i].dealt,
            header=header,
            one_time=self.dealt[i].one_time,
        )
        if blamed:
            answered = self._blaming(i, answered, blamed)
        return wire.encode(answered)

    def _blaming(self, i: int, answered: Answered, blamed: list[int]) -> Answered:
        """What it says of the first slice of the blamed dealers' shares adds up to its release."""
        shape = shape_of(self.scheme, self.task, len(self.hospitals))
        body = unsign(answered.answer, Answer, study=self.rules.study, keys=self.rules.keys)
        table = shape.read(answered.held).astype(np.int64)
        released = shape.read(body.released, shape.n_slices).astype(np.int64)
        for dealer in blamed[1:]:
            table[0, dealer - 1] += 1
        table[:, blamed[0] - 1] += released - table.sum(axis=1)
        false = (table % shape.modulus).astype(np.uint32)
        signed = self.sign(i, Answer(body.seed, body.released, shape.root(false), body.dealt))
        return Answered(signed, shape.pack(false), answered.dealt)

    def _shown(self, i: int, request: ShowRequest) -> Shown:
        found = []
        for claim in request.claims:
            signer = wire.decode(Signed, claim.answer).sender
            holder_has = self.consents[claim.holder].dealt[claim.dealer]
            share = self.scheme.share_held(self.task, claim.holder, self.keys[claim.holder], claim.dealer, holder_has)
            cut = slices.cut(share)
            path, sealed = slices.path(cut, claim.place), sealed_digest(holder_has.sealed)
            assert {i, signer} == {claim.dealer, claim.holder}
            found.append(ShownSlice(claim.dealer, claim.holder, claim.place, cut[claim.place], path, sealed))
        return Shown(self.task.context, (), tuple(found))


if __name__ == "__main__":
    main()
