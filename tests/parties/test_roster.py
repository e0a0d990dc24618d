from __future__ import annotations

from tests import simulator

from cipherward.parties import roster


def test_a_study_with_noise_on_counts_and_privacy_of_hospitals_is_frozen_with_both() -> None:
    chosen = simulator.study(
        5,
        noise={"enabled": True},
        privacy={"unit": "hospital", "epsilon": 20.0, "delta": 1e-6, "clipping_norm": 0.5},
        training={"rounds": 2, "learning_rate": 0.1},
    )
    keys = {hospital.name: ("", bytes([place]) * 32) for place, hospital in enumerate(chosen.hospitals, start=1)}
    frozen = roster.freeze(chosen, keys, bytes([9]) * 32, b"")
    assert frozen.privacy is not None
    assert frozen.privacy.noise_multiplier > 0.0
    assert frozen.noise.noise_multiplier > 0.0
