"""What a hospital's ledger keeps of a register that stands in sums, until they are opened or void."""

from __future__ import annotations

from pathlib import Path

from cipherward.disclosure.blocks import Blocks, Register
from cipherward.disclosure.refreshes import Refreshes
from cipherward.parties.standing import Standing
from cipherward.store.ledger import Ledger

REGISTER = Register(bytes(32), "patients")
FIRST, SECOND, THIRD, BLOCK = (bytes([number]) * 32 for number in (1, 2, 3, 4))


def test_a_block_and_a_refresh_are_open_until_their_attempt_is_void_or_opened(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")

    def standing() -> Standing:
        return Standing(ledger, REGISTER, refresh=2)

    for context in (FIRST, SECOND, THIRD):
        standing().named(BLOCK, context)
    assert standing().refreshes == Refreshes(frozenset(), dict.fromkeys((FIRST, SECOND, THIRD), 2))
    assert standing().binding.open == {FIRST, SECOND, THIRD}
    standing().void([])
    standing().void([FIRST])
    assert standing().refreshes == Refreshes(frozenset(), dict.fromkeys((SECOND, THIRD), 2))
    assert standing().binding.open == {SECOND, THIRD}
    said = (standing().statement(BLOCK, has_rows=True),)
    standing().voted(THIRD, said)
    standing().opened(THIRD, [FIRST, SECOND, THIRD], said, Blocks([]))
    assert standing().refreshes == Refreshes(frozenset({2}))
    assert standing().binding.open == frozenset()
    assert (standing().memory.blocks, standing().memory.pending) == ({REGISTER: BLOCK}, {})
    ledger.close()
