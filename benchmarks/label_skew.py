"""How arms of training behave where hospitals differ in how often the outcome occurs (Dirichlet label skew; Hsu et al. 2019).

    python benchmarks/label_skew.py [--seeds 3] [--rows 2000] [--skews 0.1,0.5,3]      about a minute and a half of processor time

Eight hospitals of a generated table (8 columns, a bent truth, a third positive); each class is dealt to hospitals in shares from a
Dirichlet distribution. A network of two layers, 12 rounds of 2 epochs, plain SGD in every arm; learning rates (0.05, 0.2) and server
rates (0.01, 0.03) by validation loss, mu 0.1. SCAFFOLD (Karimireddy et al. 2020, option II) is here only: it sends twice the numbers.
Sums are added in the clear. AUROC: on the test rows of all hospitals, where each has a model of its own the mean over these; log loss:
each test row scored by the model that its own hospital would use.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from cipherward.learning import averaging, metrics, models, network_sgd, personal, server, sgd
from cipherward.learning.baselines import Rows
from cipherward.study import Model, Training
from minimal_studies import bent

HOSPITALS, ROUNDS = 8, 12
SKEWS = (0.1, 0.5, 3.0)
F32 = NDArray[np.float32]
Split = tuple[list[Rows], list[Rows], list[Rows]]
MODEL = Model(kind="mlp", hidden=(32, 16))


def dealt(rows: int, skew: float, seed: int) -> Split:
    """Training, validation and test rows of each hospital; each has at least 20 rows."""
    x, y = bent()
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))[:rows]
    x, y = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)[order], y[order].astype(np.int64)
    while True:
        shares = rng.dirichlet(np.full(HOSPITALS, skew), 2)
        owner = np.array([rng.choice(HOSPITALS, p=shares[label]) for label in y])
        if min(np.bincount(owner, minlength=HOSPITALS)) >= 20:
            break
    part = rng.choice(3, len(x), p=(0.6, 0.15, 0.25))
    train, validation, test = (
        [(x[(owner == k) & (part == p)], y[(owner == k) & (part == p)]) for k in range(HOSPITALS)] for p in range(3)
    )
    return train, validation, test


class Bench:
    """One deal of rows, and the arms over it."""

    def __init__(self, rows: int, skew: float, seed: int) -> None:
        self.train, self.validation, self.test = dealt(rows, skew, seed)
        self.seed = seed
        self.module = models.build(MODEL, 8, seed)
        self.first = models.flatten(self.module)
        n = np.array([len(y) for _, y in self.train], dtype=np.float64)
        self.weights = n / n.sum()

    def federated(self, **settings: Any) -> F32:
        chosen = Training.model_validate({"local_epochs": 2, "batch_size": 32} | settings)
        at, moments = self.first, None
        for number in range(ROUNDS):
            mean = np.zeros(len(at))
            for k, (x, y) in enumerate(self.train):
                if len(y):
                    moved = sgd.train(self.module, at, x, y, chosen, seed=(self.seed, k, number))
                    mean += self.weights[k] * (moved.astype(np.float64) - at)
            move, moments = server.step(chosen, moments, mean)
            at = averaging.next_weights(at, move)
        return at

    def scaffold(self, learning_rate: float) -> F32:
        at = self.first.astype(np.float64)
        shared, own = np.zeros(len(at)), np.zeros((HOSPITALS, len(at)))
        for number in range(ROUNDS):
            mean, drift = np.zeros(len(at)), np.zeros(len(at))
            for k, rows in enumerate(self.train):
                if not len(rows[1]):
                    continue
                moved, steps = self._corrected(at.astype(np.float32), rows, shared - own[k], learning_rate, (k, number))
                change = moved.astype(np.float64) - at
                fresh = own[k] - shared - change / (steps * learning_rate)
                drift += (fresh - own[k]) / HOSPITALS
                own[k] = fresh
                mean += self.weights[k] * change
            at, shared = at + mean, shared + drift
        return at.astype(np.float32)

    def _corrected(
        self, start: F32, rows: Rows, correction: NDArray[np.float64], rate: float, place: tuple[int, int]
    ) -> tuple[F32, int]:
        assert isinstance(self.module, nn.Module)
        source = torch.Generator().manual_seed(1_000 * place[1] + place[0])
        weights, gradient = network_sgd._flat_views(self.module, start, torch.device("cpu"))
        added, steps = torch.from_numpy(correction.astype(np.float32)), 0
        x, y = torch.from_numpy(rows[0]), torch.from_numpy(rows[1]).float()
        for _ in range(2):
            for part in torch.split(torch.randperm(len(y), generator=source), 32):
                gradient.zero_()
                loss = binary_cross_entropy_with_logits(self.module(x[part]).view(len(part)), y[part])
                torch.autograd.backward(loss)
                weights.add_(gradient + added, alpha=-rate)
                steps += 1
        return weights.numpy().copy(), steps

    def alone(self, learning_rate: float) -> list[F32]:
        chosen = Training(local_epochs=2 * ROUNDS, batch_size=32, learning_rate=learning_rate)
        return [
            sgd.train(self.module, self.first, *rows, chosen, seed=(self.seed, k)) if len(rows[1]) else self.first
            for k, rows in enumerate(self.train)
        ]

    def centralised(self, learning_rate: float) -> F32:
        x, y = (np.concatenate(each) for each in zip(*self.train, strict=True))
        chosen = Training(local_epochs=2 * ROUNDS, batch_size=32, learning_rate=learning_rate)
        return sgd.train(self.module, self.first, x, y, chosen, seed=self.seed)

    def personalised(self, shared: F32) -> list[F32]:
        settings = Training(batch_size=32)
        return [
            personal.personalise(self.module, shared, train, held, settings, seed=(self.seed, k), least=10).weights
            for k, (train, held) in enumerate(zip(self.train, self.validation, strict=True))
        ]

    def scored(self, found: F32 | Sequence[F32], rows: list[Rows]) -> tuple[float, float]:
        """AUROC (of several models, their mean) on all rows, and log loss of each row by its own hospital's model."""
        each = [found] * HOSPITALS if isinstance(found, np.ndarray) else found
        x, y = (np.concatenate(part) for part in zip(*rows, strict=True))
        distinct = each[:1] if isinstance(found, np.ndarray) else each
        auroc = fmean(metrics.exact(sgd.scores(self.module, w, x), y).auroc for w in distinct)
        scores = np.concatenate([sgd.scores(self.module, w, x) for w, (x, _) in zip(each, rows, strict=True)])
        return auroc, metrics.exact(scores, y).log_loss

    def best(self, make: Callable[..., Any], options: Sequence[dict[str, Any]]) -> Any:
        """Of these settings, what has the lowest validation loss."""
        return min((make(**each) for each in options), key=lambda found: self.scored(found, self.validation)[1])

    def arms(self) -> dict[str, tuple[float, float]]:
        rates = [{"learning_rate": rate} for rate in (0.05, 0.2)]
        held = [each | {"proximal": mu} for each, mu in product(rates, (0.1,))]
        adaptive: dict[str, list[dict[str, Any]]] = {
            name: [
                each | {"server": name, "server_rate": rate} for each, rate in product(rates[:1], (0.003, 0.01, 0.03))
            ]
            for name in ("adam", "yogi")
        }
        mean = self.best(self.federated, rates)
        found = {
            "FedAvg": mean,
            "FedProx": self.best(self.federated, held),
            "FedAdam": self.best(self.federated, adaptive["adam"]),
            "FedYogi": self.best(self.federated, adaptive["yogi"]),
            "SCAFFOLD": self.best(self.scaffold, rates),
            "personalised FedAvg": self.personalised(mean),
            "each hospital alone": self.best(self.alone, rates),
            "centralised": self.best(self.centralised, rates),
        }
        return {name: self.scored(weights, self.test) for name, weights in found.items()}


def lines(seeds: int, rows: int, skews: Sequence[float]) -> Iterator[str]:
    yield "| skew | arm | AUROC (mean ± standard deviation) | log loss |"
    yield "|---|---|---|---|"
    for skew in skews:
        runs = [Bench(rows, skew, seed).arms() for seed in range(seeds)]
        for name in runs[0]:
            auroc, loss = zip(*(each[name] for each in runs), strict=True)
            spread = stdev(auroc) if len(auroc) > 1 else 0.0
            yield f"| {skew:g} | {name} | {fmean(auroc):.3f} ± {spread:.3f} | {fmean(loss):.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--skews", type=lambda text: [float(each) for each in text.split(",")], default=SKEWS)
    given = parser.parse_args()
    for line in lines(given.seeds, given.rows, given.skews):
        print(line, flush=True)


if __name__ == "__main__":
    main()
