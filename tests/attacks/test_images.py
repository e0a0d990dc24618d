"""Images from an update: what is seen in the clear is recognised, what is encrypted is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests import public_data

from cipherward import study as study_document
from cipherward.attacks.attack import Measure
from cipherward.attacks.context import Context, for_attacks
from cipherward.attacks.images import RECOGNISABLE, Images, of_study
from cipherward.attacks.intervals import LEVEL, median_interval
from cipherward.attacks.matching import Search, ssim
from cipherward.data.sources import load_hospitals


def found(at: Context, count: int, steps: int) -> list[Measure]:
    return [measure for measures, _ in Images(at, count, Search(steps)).run() for measure in measures]


def test_a_picture_is_like_itself_and_not_like_noise() -> None:
    picture = np.random.default_rng(1).uniform(size=(16, 16))
    assert ssim(picture, picture) == pytest.approx(1.0)
    assert abs(ssim(picture, np.random.default_rng(2).uniform(size=(16, 16)))) < 0.2
    assert ssim(picture, np.full((16, 16), picture.mean())) < 0.1


def test_the_similarity_is_that_of_another_implementation() -> None:
    """Windows summed one by one, as the paper writes the formula."""
    generator = np.random.default_rng(3)
    one = generator.uniform(size=(9, 8))
    other = np.clip(one + generator.normal(0.0, 0.1, one.shape), 0.0, 1.0)
    parts = []
    for top in range(3):
        for left in range(2):
            a, b = (each[top : top + 7, left : left + 7] for each in (one, other))
            covariance = np.cov(a.ravel(), b.ravel())
            light = (2 * a.mean() * b.mean() + 1e-4) / (a.mean() ** 2 + b.mean() ** 2 + 1e-4)
            parts.append(light * (2 * covariance[0, 1] + 9e-4) / (covariance[0, 0] + covariance[1, 1] + 9e-4))
    assert ssim(one, other) == pytest.approx(np.mean(parts))


def test_the_interval_of_a_median_holds_it_as_often_as_it_says() -> None:
    generator = np.random.default_rng(4)
    held = 0
    for _ in range(1000):
        low, high = median_interval(generator.normal(size=20))
        held += low <= 0.0 <= high
    assert held >= 940


def test_an_image_behind_a_plain_update_comes_out_and_one_behind_a_ciphertext_does_not(at: Context) -> None:
    images = Images(at, 2, Search(150))
    (alone, *_), shown = images.alone()
    encrypted, _ = images.encrypted()
    assert alone.value is not None
    assert encrypted[0].value is not None
    assert alone.value > 0.3 > encrypted[0].value
    assert shown[0].pictures[0][1][0].shape == (16, 16)


@pytest.mark.thorough
def test_one_image_of_twenty_in_the_median_is_recognisable_and_its_ciphertext_is_not(at: Context) -> None:
    measures = found(at, 20, 400)
    alone = next(each for each in measures if each.bar == f"at least {RECOGNISABLE}")
    assert alone.value is not None
    assert alone.value >= RECOGNISABLE
    (p,) = [each.value for each in measures if each.bar == f"at least {LEVEL}"]
    assert p is not None
    assert p >= LEVEL
    sums = [each.value for each in measures if "opened sum of 16, " in each.setting and each.value is not None]
    assert sums[0] < alone.value / 2


def test_a_study_of_images_is_attacked_on_its_own_images() -> None:
    folder = public_data.found("retinamnist")
    study = for_attacks(study_document.load_builtin("retina"))
    at = Context(study, load_hospitals(study, folder, Path()), study.seed)
    pictures = of_study(at, 4)
    assert pictures.shape == (3, 28, 28)
    assert "augment" not in pictures.model.settings
    assert not pictures.may_be_shown
    assert 0.0 <= pictures.pixels.min() < 0.2 < 0.5 < pictures.pixels.max() <= 1.0
    again = (pictures.inputs * pictures.spread + pictures.middle).reshape(pictures.pixels.shape)
    assert again == pytest.approx(pictures.pixels, abs=1e-5)
