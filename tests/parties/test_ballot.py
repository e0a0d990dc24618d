"""What a hospital keeps of its contribution in memory, beside its ledger, while the sum goes on."""

from __future__ import annotations

from pathlib import Path

from cipherward.parties import ballot
from cipherward.parties.ballot import Ballot
from cipherward.store.ledger import Ledger
from cipherward.sums.hospital_steps import Dealt


def test_short_contributions_are_kept_without_their_secret_until_the_sum_is_over(tmp_path: Path) -> None:
    kept = Ballot(Ledger(tmp_path / "ledger.sqlite"), lambda *_: None)
    kept.keep(b"first", Dealt(b"header", b"payload", b"all of it", b"one-time secret"))
    kept.keep(b"second", Dealt(b"header", bytes(ballot._LARGEST_KEPT + 1), b"all of it"))
    assert kept._dealt == {b"first": Dealt(b"header", b"payload", b"")}
    kept.forget()
    assert kept._dealt == {}
    kept.ledger.close()
