"""The part of attack "inversion" that is about images: one hospital's update, a ciphertext, and sums, by gradient matching."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cipherward.attacks.attack import Exhibit, Measure
from cipherward.attacks.ciphertexts import Sealed
from cipherward.attacks.context import NOT_SHOWN, Context
from cipherward.attacks.intervals import median_interval, tested
from cipherward.attacks.matching import Search, reconstruct, ssim
from cipherward.learning import models, sgd
from cipherward.study import Model, Training
from cipherward.tasks.lanes import Layout, RealSegment

F64 = NDArray[np.float64]
SUMS = (2, 3, 5, 8, 16)
RECOGNISABLE = 0.5
_SIDE, _MIDDLE, _SPREAD = 16, 0.5, 0.25
_ROUND, _EPOCHS, _BATCH = 32, 3, 16  # a realistic round: images, epochs, and images in a step
_TOGETHER = 10  # images that are looked for at once in sums
_SHOWN = 4
_BITS = 16


@dataclass(frozen=True)
class Pictures:
    """Images to attack, float64[n, channels, height, width] from 0 to 1. A model sees (pixel - `middle`) / `spread`."""

    model: Model
    words: str
    pixels: F64 = field(repr=False)
    labels: NDArray[np.int8] = field(repr=False)
    middle: float
    spread: float
    may_be_shown: bool = True

    @property
    def shape(self) -> tuple[int, int, int]:
        _, channels, height, width = self.pixels.shape
        return channels, height, width

    @property
    def inputs(self) -> NDArray[np.float32]:
        """float32[n, n_features]."""
        flat = self.pixels.reshape(len(self.pixels), -1)
        found: NDArray[np.float32] = ((flat - self.middle) / self.spread).astype(np.float32)
        return found

    @property
    def limits(self) -> tuple[float, float]:
        """What inputs lie between."""
        return -self.middle / self.spread, (1.0 - self.middle) / self.spread

    def grey(self, pixels: F64) -> F64:
        """Pictures as they are compared: the mean of their channels, float64[..., height, width]."""
        found: F64 = pixels.mean(axis=-3)
        return found


def of_study(at: Context, count: int) -> Pictures:
    """The study's own images where it has some and a convolutional network; else generated ones under such a network."""
    study, generator = at.study, at.generator("images")
    shape = study.input_shape
    if study.model.kind == "cnn" and len(shape) == 3:
        features, labels = at.pooled()
        rows = np.resize(generator.permutation(len(labels)), count)  # of few images some twice
        middle, spread = at.scaling.mean[0], at.scaling.stddev[0]
        pixels = np.clip(features[rows].astype(np.float64) * spread + middle, 0.0, 1.0).reshape(-1, *shape)
        settings = {key: value for key, value in study.model.settings.items() if key != "augment"}
        words = "the study's images under its network, none of them changed at random"
        model, outcome = Model(kind="cnn", **settings), labels[rows].astype(np.int8)
        return Pictures(model, words, pixels, outcome, middle, spread, at.may_show_rows)
    pixels = np.stack([_drawn(generator) for _ in range(count)])[:, None]
    labels = (np.arange(count) % 2).astype(np.int8)
    words = f"generated images of {_SIDE} x {_SIDE} pixels under a convolutional network"
    return Pictures(Model(kind="cnn"), words, pixels, labels, _MIDDLE, _SPREAD)


def _drawn(generator: np.random.Generator) -> F64:
    """A picture with a slope of light and a few soft ellipses, each anywhere and of any grey."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE] / (_SIDE - 1) * 2 - 1
    picture = generator.uniform(0.1, 0.9) + generator.uniform(-0.2, 0.2) * x + generator.uniform(-0.2, 0.2) * y
    for _ in range(int(generator.integers(3, 6))):
        left, top = generator.uniform(-0.8, 0.8, 2)
        long, wide = generator.uniform(0.2, 0.6, 2)
        turn = generator.uniform(0, math.pi)
        u = (x - left) * math.cos(turn) + (y - top) * math.sin(turn)
        v = (y - top) * math.cos(turn) - (x - left) * math.sin(turn)
        inside = 1 / (1 + np.exp(np.clip(((u / long) ** 2 + (v / wide) ** 2 - 1) * 8, -50, 50)))
        picture = picture * (1 - inside) + inside * generator.uniform(0, 1)
    clipped: F64 = np.clip(picture, 0.0, 1.0)
    return clipped


class Images:
    """The attacks on them, with a network's first weights.

    Args:
        count: images that are attacked alone.
        search: how gradients are matched.
    """

    def __init__(self, at: Context, count: int, search: Search) -> None:
        self.at, self.count, self.search = at, count, search
        self.pictures = of_study(at, max(count, 4 * SUMS[-1], 2 * _ROUND))
        shape = self.pictures.shape
        self._module = models.build(self.pictures.model, math.prod(shape), at.study.seed, shape=shape)
        self._start, self._groups = models.flatten(self._module), models.groups(self._module)
        self._generator = at.generator("images", "attack")
        self._mean = self.pictures.grey(self.pictures.pixels.mean(axis=0))

    def run(self) -> Iterator[tuple[list[Measure], list[Exhibit]]]:
        """All of them, one after another."""
        yield self.alone()
        yield self.encrypted()
        for n in SUMS:
            yield self._sum(n, f"opened sum of {n}, one step on one image each")
        yield self._colluders()
        yield self._round()

    def alone(self) -> tuple[list[Measure], list[Exhibit]]:
        """One hospital's plain update of one image."""
        rows = np.arange(self.count)
        gradients = np.stack([self._sent(self._update(rows[[k]])) for k in rows])
        found = self._search("plain update of one image", gradients, rows[:, None])
        setting = f"{self.pictures.words}, plain update, one step on one image"
        likeness = self._likeness(rows[:, None], found)
        measures = [
            self._median(setting, likeness, bar=f"at least {RECOGNISABLE}"),
            self._median(f"{self.pictures.words}, no update: the mean of all images", self._of_mean(rows)),
        ]
        return measures, [self._beside("plain update, one step on one image", rows[:, None], found)]

    def encrypted(self) -> tuple[list[Measure], list[Exhibit]]:
        """Its ciphertext, read as if its secret were zeros."""
        rows = np.arange(self.count)
        updates = [self._update(rows[[k]]) for k in rows]
        layout = self._layout(updates)
        sealed = Sealed(layout.n_lanes, layout.bits, self.at.study.n_hospitals)
        gradients = []
        for update in updates:
            self.at.may_go_on("images: reading ciphertexts")
            payload = sealed.encrypt(layout.encode(self._parts(update)))
            gradients.append(-self._flat(layout, sealed.as_lanes(payload), 1))
        found = self._search("ciphertext of one image", np.stack(gradients), rows[:, None])
        likeness, of_mean = self._likeness(rows[:, None], found), self._of_mean(rows)
        setting = f"{self.pictures.words}, ciphertext of scheme quorum, one step on one image"
        closer = tested(
            setting,
            "share of images more like the picture from the ciphertext than like the mean of all images",
            "the ciphertext is read as if it were the update",
            int((likeness > of_mean).sum()),
            len(likeness),
        )
        return [self._median(setting, likeness), *closer], [self._beside("ciphertext", rows[:, None], found)]

    def _sum(self, n: int, words: str) -> tuple[list[Measure], list[Exhibit]]:
        groups = self._generator.permutation(len(self.pictures.labels))[: max(_TOGETHER // n, 1) * n].reshape(-1, n)
        gradients = []
        for rows in groups:
            updates = [self._update(rows[[k]]) for k in range(n)]
            layout = self._layout(updates)
            lanes = np.sum([layout.encode(self._parts(each)).astype(np.int64) for each in updates], axis=0)
            gradients.append(-self._flat(layout, lanes, n))
        found = self._search(words, np.stack(gradients), groups)
        setting = f"{self.pictures.words}, {words}"
        shown = [self._beside(words, groups, found)] if n == SUMS[0] else []
        return [self._median(setting, self._likeness(groups, found))], shown

    def _colluders(self) -> tuple[list[Measure], list[Exhibit]]:
        """What 15 of 16 put in is taken out of their sum: rounding is all that is left beside the last one's update."""
        n, gradients = SUMS[-1], []
        groups = self._generator.permutation(len(self.pictures.labels))[: 4 * n].reshape(-1, n)
        for rows in groups:
            updates = [self._update(rows[[k]]) for k in range(n)]
            layout = self._layout(updates)
            lanes = np.sum([layout.encode(self._parts(each)).astype(np.int64) for each in updates], axis=0)
            gradients.append(-(self._flat(layout, lanes, n) - np.sum(updates[1:], axis=0)))
        words = f"opened sum of {n} less what {n - 1} colluders put in"
        found = self._search(words, np.stack(gradients), groups[:, :1])
        return [self._median(f"{self.pictures.words}, {words}", self._likeness(groups[:, :1], found))], []

    def _round(self) -> tuple[list[Measure], list[Exhibit]]:
        """A hospital trains for several steps on many images. The attacker looks for a few that explain the whole change."""
        draws = [self._generator.permutation(len(self.pictures.labels))[:_ROUND] for _ in range(2)]
        gradients = np.stack([self._sent(self._update(rows, epochs=_EPOCHS, batch=_BATCH)) for rows in draws])
        looked_for = np.stack([rows[: _TOGETHER // 2] for rows in draws])
        words = f"plain update, {_EPOCHS} epochs on {_ROUND} images in steps of {_BATCH}"
        found = self._search(words, gradients, looked_for)
        likeness = self._likeness(np.stack(draws), found)
        return [self._median(f"{self.pictures.words}, {words}", likeness)], []

    def _update(self, rows: NDArray[np.int64], epochs: int = 1, batch: int = 0) -> F64:
        """What training on these images changes, float64[n_parameters]."""
        training = Training(local_epochs=epochs, batch_size=batch or len(rows), learning_rate=0.1)
        inputs, labels = self.pictures.inputs[rows], self.pictures.labels[rows]
        trained = sgd.train(self._module, self._start, inputs, labels, training, seed=(self.at.seed, int(rows[0])))
        return trained.astype(np.float64) - self._start

    def _sent(self, update: F64) -> F64:
        """The gradient in an update that travels unencrypted, in float32."""
        return -update.astype(np.float32).astype(np.float64)

    def _search(self, words: str, gradients: F64, rows: NDArray[np.int64]) -> F64:
        """Pictures for each gradient, float64[n, k, height, width]. The attacker is told the outcomes of `rows`."""
        models.load(self._module, self._start)

        def may_go_on(step: int) -> None:
            if step % 20 == 0:
                self.at.may_go_on(f"images: {words}, step {step} of {self.search.steps}")

        labels = self.pictures.labels[rows].astype(np.float32)
        found = reconstruct(
            self._module,  # type: ignore[arg-type]
            gradients,
            labels,
            self.pictures.shape,
            self.pictures.limits,
            self.search,
            self.at.seed,
            may_go_on,
        )
        return self.pictures.grey(np.clip(found * self.pictures.spread + self.pictures.middle, 0.0, 1.0))

    def _likeness(self, rows: NDArray[np.int64], found: F64) -> F64:
        """Of each image its structural similarity to the most similar picture that was found in its group."""
        true = self.pictures.grey(self.pictures.pixels)
        best = [
            max(ssim(true[row], each) for each in pictures)
            for group, pictures in zip(rows, found, strict=True)
            for row in group
        ]
        return np.array(best)

    def _of_mean(self, rows: NDArray[np.int64]) -> F64:
        true = self.pictures.grey(self.pictures.pixels)
        return np.array([ssim(true[row], self._mean) for row in rows])

    def _median(self, setting: str, likeness: F64, bar: str = "") -> Measure:
        low, high = median_interval(likeness)
        words = f"structural similarity of {len(likeness)} images to the best picture found, from {likeness.min():.2f} to {likeness.max():.2f}"
        return Measure(setting, "median SSIM", float(np.median(likeness)), words, low, high, bar)

    def _beside(self, words: str, rows: NDArray[np.int64], found: F64) -> Exhibit:
        title = f"Images beside their reconstruction: {words}"
        if not self.pictures.may_be_shown:
            return Exhibit(title, NOT_SHOWN, ("image",))
        true = self.pictures.grey(self.pictures.pixels)
        lines: list[tuple[str, tuple[F64, ...]]] = []
        for group, pictures in list(zip(rows, found, strict=True))[:_SHOWN]:
            best = max(pictures, key=lambda each: ssim(true[group[0]], each))
            lines.append((f"image {len(lines) + 1}", (true[group[0]], best)))
        return Exhibit(
            title,
            self.pictures.words.capitalize() + ".",
            ("image", "true", "found"),
            (),
            tuple(lines),
        )

    def _layout(self, updates: Sequence[F64]) -> Layout:
        """With ranges as wide as the updates need, as the public rule makes them."""
        parts = [self._parts(update) for update in updates]
        ranges = {
            name: 2.0 ** math.ceil(math.log2(max(max(float(np.abs(each[name]).max()) for each in parts), 2**-20)))
            for name, _ in self._groups
        }
        return Layout(tuple(RealSegment(name, size, ranges[name]) for name, size in self._groups), _BITS)

    def _parts(self, update: F64) -> dict[str, F64]:
        split = np.split(update, np.cumsum([size for _, size in self._groups])[:-1])
        return {name: part for (name, _), part in zip(self._groups, split, strict=True)}

    def _flat(self, layout: Layout, lanes: NDArray[np.int64], n: int) -> F64:
        sums = layout.decode(lanes, n)
        return np.concatenate([sums[name] for name, _ in self._groups])
