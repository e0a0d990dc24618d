"""Attack "coordinator": a coordinator that lies with its true key, tried on real parties: what each hospital prints and does."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import Field

from cipherward.attacks import dealing
from cipherward.attacks.attack import Attack, Exhibit, Found, Measure, Settings
from cipherward.attacks.context import Context
from cipherward.attacks.dealing import dealt_anew
from cipherward.attacks.parties import HONEST, Lie, Parties, Reaction, body, inner, parties
from cipherward.consortium.approval import carried
from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR
from cipherward.crypto.quorum import QuorumScheme
from cipherward.data.sources import HospitalData
from cipherward.errors import RefusedError
from cipherward.parties import asking
from cipherward.runs import carry_over
from cipherward.study import Study
from cipherward.sums.digests import Entry
from cipherward.sums.messages import (
    CONSENT,
    VOID,
    Announce,
    Certificate,
    ConsentRequest,
    Header,
    Manifest,
    Opening,
    VoidCertificate,
    VoidRequest,
    Vote,
    sign,
)
from cipherward.sums.packets import pack, unpack

VICTIM = 2


class CoordinatorSettings(Settings):
    """`n_hospitals`: in blocks of three and four, one of which may be corrupt and lies with the coordinator where that helps."""

    n_hospitals: int = Field(default=7, ge=7, le=7)


@dataclass(frozen=True)
class Try:
    """One lie. `words`: what the coordinator does. `sums`: how many may be opened all the same: 1 where the others are told the truth."""

    name: str
    words: str
    lie: Lie
    sums: int = 0


class Coordinator(Attack):
    name = "coordinator"
    title = "A coordinator that lies"
    explanation = (
        "The coordinator adds what hospitals send and tells them what comes next. What if it lies? It has its own key and can sign whatever it likes; it chooses what each hospital is shown. "
        "We let it try, against real hospitals with real keys and memories, on one machine: it shows two hospitals two lists of who is in a sum, leaves a contribution out, changes one, tells one hospital of another model, "
        "lists a block of hospitals in part, shows another study with other blocks, and leaves an attempt that hospitals have agreed to, so as to collect a second sum over others. "
        "For each lie we count the sums that were opened which must not be, and show what every hospital did and printed."
    )

    def __init__(self, settings: CoordinatorSettings | None = None) -> None:
        self.chosen = settings or CoordinatorSettings()
        super().__init__(self.chosen)

    def run(self, at: Context) -> Found:
        measures: list[Measure] = []
        exhibits: list[Exhibit] = []
        study, hospitals = self._study(at)
        for each in tries():
            at.may_go_on(each.name)
            with parties(study, hospitals) as made:
                made.lie = each.lie
                made.run_sums(1)
                opened, reactions = made.opened() - HONEST, made.reactions()
                measures += _measures(each, opened, reactions, made.said)
                exhibits.append(_exhibit(each, reactions, made.said))
        at.may_go_on(CARRY_OVER)
        with parties(study, hospitals) as made:
            found, exhibit = _forged_carry_over(made)
        return Found((*measures, *found), (*exhibits, exhibit))

    def _study(self, at: Context) -> tuple[Study, list[HospitalData]]:
        hospitals = dealt_anew(at, self.chosen.n_hospitals)
        aggregation = {
            "scheme": QuorumScheme.name,
            "corrupt": 1,
            "dropouts": 2,
            "min_contributors": 3,
            "threshold": None,
        }
        training = {"rounds": 3, "local_epochs": 1, "defence": None, "patience": 0}
        study = dealing.of(at.study, hospitals).with_overrides(aggregation=aggregation, training=training)
        return study.with_overrides(top={"model": {"kind": "logistic-regression"}}), hospitals


def tries() -> tuple[Try, ...]:
    """Every lie, in order."""
    return (
        Try("two manifests", "half of the hospitals are asked to open another set than the others", _two_manifests),
        Try(
            "a dropped contribution",
            f"hospital {VICTIM}'s contribution is left out of the list for everybody",
            _dropped,
        ),
        Try(
            "an altered contribution",
            f"the list names another contribution of hospital {VICTIM} than it sent",
            _altered,
        ),
        Try("an altered sum", "the encrypted sum is changed after everybody has agreed to it", _altered_sum),
        Try("a different model for one hospital", f"hospital {VICTIM} is told of another next model", _other_model, 1),
        Try("a block in part", "three of a block's four members are listed, with the other block", _block_in_part),
        Try(
            "two views of the blocks", f"hospital {VICTIM} gets messages of a study with other blocks", _other_blocks, 1
        ),
        Try(
            "an attempt that is left after consent",
            "everybody has consented; the next attempt, over others, is announced with the void votes of the liar alone",
            _left_attempt,
        ),
        Try(
            "an opening with forged consents",
            "the liar's consent stands for everybody's in the certificate",
            _forged_certificate,
        ),
    )


def _subset(made: Parties, packet: bytes, left_out: int) -> list[bytes]:
    """The request to consent, signed anew, without a hospital."""
    request = wire.decode(ConsentRequest, unpack(packet)[1])
    manifest = inner(request.manifest, Manifest)
    places = [k for k, entry in enumerate(manifest.entries) if entry.hospital != left_out]
    kept = tuple(manifest.entries[k] for k in places)
    return [
        pack(
            "ConsentRequest",
            wire.encode(
                dataclasses.replace(
                    request,
                    manifest=made.signature(dataclasses.replace(manifest, entries=kept)),
                    headers=tuple(request.headers[k] for k in places),
                    shares=tuple(share for share in request.shares if share.hospital != left_out),
                )
            ),
        )
    ]


def _two_manifests(made: Parties, hospital: int, kind: str, packet: bytes) -> list[bytes] | None:
    return _subset(made, packet, VICTIM) if kind == "ConsentRequest" and hospital > 3 else None


def _dropped(made: Parties, hospital: int, kind: str, packet: bytes) -> list[bytes] | None:
    return _subset(made, packet, VICTIM) if kind == "ConsentRequest" else None


def _block_in_part(made: Parties, hospital: int, kind: str, packet: bytes) -> list[bytes] | None:
    return _subset(made, packet, len(made.sites)) if kind == "ConsentRequest" else None


def _altered(made: Parties, hospital: int, kind: str, packet: bytes) -> list[bytes] | None:
    """The coordinator has no key of the victim's, so the header in the list is one that the liar signed."""
    if kind != "ConsentRequest":
        return None
    request = wire.decode(ConsentRequest, unpack(packet)[1])
    manifest = inner(request.manifest, Manifest)
    header = dataclasses.replace(inner(request.headers[VICTIM - 1], Header), payload_digest=bytes(32))
    forged = sign(made.keys.identities[1], made.study.digest(), VICTIM, header)
    headers = tuple(forged if k == VICTIM - 1 else each for k, each in enumerate(request.headers))
    entries = tuple(Entry(i, digest("header", data)) for i, data in enumerate(headers, start=1))
    changed = made.signature(dataclasses.replace(manifest, entries=entries))
    return [pack("ConsentRequest", wire.encode(dataclasses.replace(request, manifest=changed, headers=headers)))]


def _altered_sum(made: Parties, hospital: int, kind: str, packet: bytes) -> list[bytes] | None:
    if kind != "Opening":
        return None
    opening = body(packet, Opening)
    if opening.round < HONEST:
        return None
    total = opening.total[:-1] + bytes([opening.total[-1] ^ 1])
    return [made.signed(dataclasses.replace(opening, total=total))]


def _other_model(made: Parties, hospital: int, kind: str, packet: bytes) -> list[bytes] | None:
    if kind != "Opening" or hospital != VICTIM:
        return None
    opening = body(packet, Opening)
    return [made.signed(dataclasses.replace(opening, next_model=bytes(32)))] if opening.round >= HONEST else None


def _other_blocks(made: Parties, hospital: int, kind: str, packet: bytes) -> list[bytes] | None:
    """The same messages, signed for a study that lists the hospitals in one block."""
    if hospital != VICTIM or kind != "Announce":
        return None
    members = [{"hospital": each.name} for each in made.study.hospitals]
    other = made.study.with_overrides(top={"blocks": [{"members": members, "least": 3}]})
    announce = sign(made.keys.identities[COORDINATOR], other.digest(), COORDINATOR, body(packet, Announce))
    return [pack("Announce", announce)]


def _left_attempt(made: Parties, hospital: int, kind: str, packet: bytes) -> list[bytes] | None:
    if kind != "Certificate":
        return None
    site = made.sites[hospital]
    first, second = asking.contexts_of(site.rules, site.state, 2)
    void = sign(made.keys.identities[1], made.study.digest(), 1, Vote(first, VOID, b"", b"", site.state.last))
    proof = VoidCertificate((void,))
    next_attempt = Announce(second, site.state.sums_done, 1, (proof,), site.state.last)
    return [made.signed(VoidRequest(first)), made.signed(next_attempt)]


def _forged_certificate(made: Parties, hospital: int, kind: str, packet: bytes) -> list[bytes] | None:
    if kind != "Certificate":
        return None
    certificate = wire.decode(Certificate, unpack(packet)[1])
    vote = dataclasses.replace(inner(certificate.votes[0], Vote), choice=CONSENT)
    forged = tuple(
        sign(made.keys.identities[1], made.study.digest(), i, vote) for i in range(1, len(certificate.votes) + 1)
    )
    return [pack("Certificate", wire.encode(dataclasses.replace(certificate, votes=forged)))]


def _forged_carry_over(made: Parties) -> tuple[list[Measure], Exhibit]:
    """A next study that states other constants than were opened; each hospital compares with its own files before its people can approve."""
    found = carry_over.opened_in(made.run.path)
    stated = {"study": made.study.digest().hex(), "opening": found.manifest.hex()}
    stated |= {"date": str(carry_over.opened_on(made.run, found)), "constants": found.constants.to_json()}
    true = made.study.with_overrides(top={"name": "next", "carry_over": stated})
    forged = json.dumps(
        {**json.loads(stated["constants"]), "n_rows": 10_000_000}, sort_keys=True, separators=(",", ":")
    )
    lie = true.with_overrides(carry_over={"constants": forged})
    rows, vouching = [], {"true": 0, "forged": 0}
    for index, listed in enumerate(made.study.hospitals, start=1):
        key = made.keys.identities[index].public_key
        vouching["true"] += bool(carried.verified_in(made.run, listed.name, key, true))
        try:
            vouching["forged"] += bool(carried.verified_in(made.run, listed.name, key, lie))
            rows.append((listed.name, "vouched for the constants", "nothing yet"))
        except RefusedError as error:
            rows.append((listed.name, f"refused: {error.message}", "nothing yet"))
    n, needed = len(rows), made.study.thresholds.threshold
    begun = float(vouching["forged"] >= needed)
    words = f"the next study states ten million training rows; {needed} hospitals have to vouch for its constants before it begins"
    measures = [
        Measure(CARRY_OVER, "studies begun that must not be", begun, words, bar="at most 0"),
        Measure(
            CARRY_OVER, "hospitals that refused, or said so", float(n - vouching["forged"]), f"of {n}", bar="at least 1"
        ),
        Measure(CARRY_OVER, "hospitals that vouch for the true constants", float(vouching["true"]), f"of {n}"),
    ]
    return measures, Exhibit(f"Lie: {CARRY_OVER}", f"{words[0].upper()}{words[1:]}.", _HEAD, tuple(rows))


CARRY_OVER = "a forged carry-over of constants"
_HEAD = ("hospital", "what it did", "what it printed")


def _measures(each: Try, opened: int, reactions: Sequence[Reaction], said: str) -> Iterator[Measure]:
    wrong = max(opened - each.sums, 0)
    yield Measure(each.name, "sums opened that must not be", float(wrong), each.words, bar="at most 0")
    told = [one for one in reactions if one.did != "took part" or "Breach" in one.printed or "failed" in one.printed]
    words = f"of {len(reactions)}; {told[0].did}" if told else f"of {len(reactions)}"
    yield Measure(each.name, "hospitals that refused, or said so", float(len(told)), words, bar="at least 1")
    breached = sum("Breach" in one.printed for one in reactions)
    yield Measure(each.name, "hospitals that reported a breach", float(breached), said or "the study goes on")


def _exhibit(each: Try, reactions: Sequence[Reaction], said: str) -> Exhibit:
    rows = tuple((one.hospital, one.did, one.printed or "nothing yet") for one in reactions)
    words = f"{each.words[0].upper()}{each.words[1:]}. {'The study stops: ' + said if said else 'The study goes on.'}"
    return Exhibit(f"Lie: {each.name}", words, _HEAD, rows)
