"""What it means, in plain words, when people sign a split, confirm a successor, widen an answer or end a register."""

from __future__ import annotations

from collections.abc import Mapping

from cipherward.consortium.approval import approvals, foundings
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.crypto.identity import fingerprint
from cipherward.disclosure.blocks import Block, Register, Split
from cipherward.parties import listed, who_stands
from cipherward.study import Study


def of_split(split: Split, names: Mapping[bytes, str]) -> list[str]:
    """For every member of the block."""
    parts = " | ".join(", ".join(_named(part, names)) for part in split.parts)
    return [
        f"The block of {len(split.whole.members)} ({split.whole.digest.hex()[:12]}) would become {len(split.parts)} blocks: {parts}.",
        "From then on each part stands in sums by itself: whoever sees the opened sums learns the total of a part, no longer only "
        "that of the whole block, and by subtraction from earlier sums the total of the other parts as well.",
        f"Within a part nobody is told apart from the others, as before; but fewer hide each other. At least {split.whole.least} that "
        "said no must stand in a part.",
        "It takes effect when all members have signed exactly these parts. Who has signed stands with its part only: studies of the "
        "whole block cannot go on, and nobody of it stands in a sum until the last member has signed. It cannot be taken back: blocks "
        "never merge, and a block splits once.",
    ]


def of_successor(name: str, old: bytes, new: bytes) -> list[str]:
    """For a block mate of the hospital whose key is new."""
    return [
        f"{name} has a new identity key.",
        f"Old: {fingerprint(old)}",
        f"New: {fingerprint(new)}",
        f"You confirm that you have spoken with people of {name} whom you know, on a number that you knew before, and that they read "
        "out the new fingerprint as their own.",
        "The new key then stands in the block where the old one stood, with its answer and its budget.",
        f"A FALSE SUCCESSOR EXPOSES ITS PREDECESSOR: whoever holds the new key knows what it sends itself, and subtracts the sums of "
        f"the block with it from the earlier ones with {name}. When in doubt, do not confirm: the block then waits.",
    ]


def of_widening(register: Register, block: Block | None, names: Mapping[bytes, str]) -> list[str]:
    """For the hospital that says yes."""
    said = [
        f"YES for the table {register.name!r}: this hospital may be singled out by what is opened, in all studies, past and future.",
        "Whoever sees the opened sums may subtract them and so read this hospital's counts and updates exactly, also those of sums that "
        "were opened before. Only noise that this hospital has added itself stays.",
        "It can never be taken back. In return no study waits for this hospital any more, and a new study need not list it.",
    ]
    if block:
        said.append(
            f"Its block ({', '.join(_named(block, names))}) stands in sums only while none or at least {block.least} of its members say "
            f"no. Of {len(block.members)} members this is one; if fewer than {block.least} others are left that said no, the block "
            "stands in no sum until they say yes, too: tell them before."
        )
    return said


def of_end(register: Register, block: Block | None, names: Mapping[bytes, str]) -> list[str]:
    """For the hospital that ends its register, and what it does to its block mates."""
    said = [
        f"The table {register.name!r} of this hospital ends: no study reads it any more, and this hospital withdraws from every study "
        "that does. It cannot be taken back.",
        "Nothing becomes readable by this: this hospital's figures stay among those of its block in what was opened.",
    ]
    if block:
        mates = ", ".join(name for name in _named(block, names) if name != names.get(register.hospital))
        said.append(
            f"ITS BLOCK ENDS WITH IT: {mates} stand in sums only together with this hospital, so their tables stand in no sum any more "
            "either, in any study. They take part again with tables of other patients only. A split before, which all sign, avoids that."
        )
    return said


def of_document(study: Study) -> list[str]:
    """What a study document says of splits, new keys, answers and foundings given up, for `hospital review`."""
    names = foundings.names_in(study)
    said = []
    for split in listed.splits_in(study):
        parts = " | ".join(", ".join(_named(part, names)) for part in split.parts)
        said.append(f"A block was split, as all its members have signed: {parts}. Totals of the parts become known.")
    for each in listed.successions_of(study):
        how = "its old key signed it" if each.old in each.signers else "its block mates have confirmed it"
        name = names.get(listed.lineage_of(study).first(each.new), "a hospital")
        said.append(
            f"{name} has a new key, {fingerprint(each.new)}, in the place of {fingerprint(each.old)}; {how}. A false successor exposes "
            "its predecessor."
        )
    for register in sorted(listed.agreed_of(study)):
        said.append(
            f"{names.get(register.hospital, 'a hospital that left')} has signed that it may be singled out; nobody waits for it."
        )
    for given in study.given_up:
        said.append(
            f"A founding is given up: a quorum has voted void on every attempt ({len(given.attempts)}) of a sum of an earlier study, so "
            "nothing of it will be opened."
        )
    return said


def names_here(home: HospitalHome) -> dict[bytes, str]:
    """The names of hospitals by first key, as the studies here and the confirmed members list have them."""
    confirmed = home.confirmed
    found = {key: m.name for m in confirmed.members for key in home.keys_of(m.name)} if confirmed else {}
    for offered in approvals.whole_offers(home)[0]:
        registers = who_stands.registers_of(offered.study)
        found |= {r.hospital: h.name for r, h in zip(registers, offered.study.hospitals, strict=True)}
    return found


def _named(block: Block, names: Mapping[bytes, str]) -> list[str]:
    return sorted(names.get(member.hospital, member.hospital.hex()[:12]) for member in block.members)
