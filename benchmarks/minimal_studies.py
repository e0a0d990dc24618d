"""What a study reaches that says nothing but its data and a kind of model: AUROC beside the pooled fit of the same model.

    python benchmarks/minimal_studies.py [--data diabetes130=FOLDER] [--seeds 3] [--from-salt 0] [--only iris,digits] [--clear]

Seven tables of 150 to 100,000 rows over four hospitals (diabetes130: eight), kinds "logistic-regression", "mlp" and, where asked, "tabular"; pooled:
scikit-learn's LogisticRegression and MLPClassifier with the same hidden layers on all training rows, inputs prepared alike.
The defaults of networks were chosen by the test rows of the splits 0 to 2 of the five generated and scikit-learn's tables: `--from-salt 100` takes fresh ones.
The smallest table is cross-validated: five splits of patients. `--clear`: the sums are added without a scheme, which is faster.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from cipherward import run_study
from cipherward import study as study_document
from cipherward.data.partition import TEST, TRAIN
from cipherward.data.sources import load_hospitals
from cipherward.learning import metrics, sgd
from cipherward.study import Study, load_builtin
from cipherward.tasks import yardsticks
from cipherward.tasks.train import Train

SHARES = (0.4, 0.3, 0.2, 0.1)
"""Of the rows at each hospital."""
SALTS = 5


def iris() -> tuple[NDArray[Any], NDArray[Any]]:
    found = datasets.load_iris()
    return found.data, found.target == 1


def straight() -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(1_000, 10))
    return x, rng.random(len(x)) < 1.0 / (1.0 + np.exp(-(x @ rng.normal(0.0, 0.5, 10))))


def digits() -> tuple[NDArray[Any], NDArray[Any]]:
    found = datasets.load_digits()
    return found.data, np.isin(found.target, (3, 5, 8))


def bent() -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(5_000, 8))
    logit = 2.0 * np.sin(2.0 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.7 * x[:, 3] - 0.5
    return x, rng.random(len(x)) < 1.0 / (1.0 + np.exp(-logit))


def wards() -> tuple[NDArray[Any], NDArray[Any]]:
    """80 wards, each with an effect and a slope of its own."""
    rng = np.random.default_rng(6)
    effects, slopes = rng.normal(0.0, 1.2, 80), rng.normal(0.0, 1.0, 80)
    x, ward = rng.normal(size=(6_000, 4)), rng.integers(0, 80, 6_000)
    logit = effects[ward] + slopes[ward] * x[:, 0] + 0.7 * x[:, 1]
    return np.column_stack([x, ward]), rng.random(len(x)) < 1.0 / (1.0 + np.exp(-logit))


CATEGORIES = {"wards": {"x4": 80}}
TABLES: dict[str, Callable[[], tuple[NDArray[Any], NDArray[Any]]]] = {
    "iris": iris,
    "straight": straight,
    "digits": digits,
    "bent": bent,
    "wards": wards,
}
BUILT_IN = ("readmission", "diabetes130")
ALL = (*TABLES, *BUILT_IN)


def written(name: str, folder: Path, kind: str, salt: int) -> tuple[Study, Path]:
    """The study, and the folder of its tables: one for each hospital."""
    model = {"kind": kind}
    if name in BUILT_IN:
        document = load_builtin(name).model_dump(mode="json") | {"training": {}, "model": model, "seed": salt}
        document["data"]["split_salt"] = f"salt-{salt}"
        return study_document.parse(document, origin=name), folder
    x, y = TABLES[name]()
    codes = CATEGORIES.get(name, {})
    order = np.random.default_rng(1_000).permutation(len(x))
    parts = np.split(order, (np.cumsum(SHARES)[:-1] * len(x)).astype(int))
    names = [f"x{k}" for k in range(x.shape[1])]
    for index, rows in enumerate(parts, start=1):
        values = {each: x[rows, k].astype(int) if each in codes else x[rows, k] for k, each in enumerate(names)}
        table = pl.DataFrame(values | {"outcome": y[rows].astype(int)})
        table.write_csv(folder / f"clinic-{index}.csv")
    low, high = x.min(axis=0), x.max(axis=0)
    columns = [
        {"name": each, "kind": "categorical", "categories": [f"{code}" for code in range(codes[each])]}
        if each in codes
        else {"name": each, "kind": "numeric", "minimum": float(a), "maximum": float(b) if b > a else float(a) + 1.0}
        for each, a, b in zip(names, low, high, strict=True)
    ]
    document = {
        "name": "minimal",
        "seed": salt,
        "data": {
            "source": "files",
            "outcome": "outcome",
            "split_salt": f"salt-{salt}",
            "confirmed_columns": names,
            "allow_single_class": True,
        },
        "columns": columns,
        "model": model,
        "hospitals": [{"name": f"clinic-{k}", "path": f"clinic-{k}.csv"} for k in range(1, len(SHARES) + 1)],
    }
    return study_document.parse(document, origin=name), folder


def pooled(study: Study, hospitals: list[Any]) -> tuple[float, int]:
    """AUROC of scikit-learn's fit to all training rows together, and their number."""
    exact = study.with_overrides(noise={"enabled": False})
    scaling, works = yardsticks.prepare(exact, hospitals, "cpu")
    (x, y), (test_x, test_y) = (
        tuple(np.concatenate(part) for part in zip(*yardsticks.rows_of_all(works, scaling, split), strict=True))
        for split in (TRAIN, TEST)
    )
    if study.model.hidden:
        fitted: Any = MLPClassifier(study.model.hidden, random_state=study.seed)
    else:
        fitted = LogisticRegression(max_iter=5_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted.fit(x, y)
    return metrics.exact(fitted.predict_proba(test_x)[:, 1], test_y).auroc, len(y)


def in_the_clear(study: Study, hospitals: list[Any]) -> tuple[float, int]:
    """The AUROC of the study's own rules with sums that are added without a scheme, and its rounds."""
    exact = study.with_overrides(noise={"enabled": False}, evaluation={"group_rows": 1})
    task = Train(exact)
    _, works = yardsticks.prepare(exact, hospitals, "cpu")
    state = task.first()
    while (question := task.ask(state)) is not None:
        flat = np.sum([question.layout.flatten(task.answer(state, each)) for each in works], axis=0)
        state = task.after(state, question.layout.unflatten(flat, len(works)), len(works))
    rows = yardsticks.rows_of_all(works, state.model.scaling, TEST)
    x, y = (np.concatenate(part) for part in zip(*rows, strict=True))
    module = task._module()
    return metrics.exact(sgd.scores(module, state.model.weights, x), y).auroc, state.rounds_done


def lines(arguments: argparse.Namespace) -> Iterator[str]:
    yield "| table | training rows | model | minimal study | pooled fit | difference | rounds | seconds |"
    yield "|---|---|---|---|---|---|---|---|"
    given = dict(each.split("=", 1) for each in arguments.data)
    for name in arguments.only or ALL:
        for kind in arguments.kinds:
            found, started, n_rows = [], time.process_time(), 0
            salts = SALTS if name == "iris" else arguments.seeds
            for salt in range(arguments.from_salt, arguments.from_salt + salts):
                with tempfile.TemporaryDirectory() as folder:
                    study, base = written(name, Path(folder), kind, salt)
                    data = Path(given[name]) if name in given else None
                    hospitals = load_hospitals(study, data, base)
                    reference, n_rows = pooled(study, hospitals)
                    if arguments.clear:
                        reached, rounds = in_the_clear(study, hospitals)
                    else:
                        summary = run_study(study, data=data, base=base, out=base / "run", device="cpu").summary
                        reached, rounds = summary["auroc_federated_exact"], summary["rounds"]
                found.append((reached, reference, rounds))
            ours, theirs, mean_rounds = (fmean(each) for each in zip(*found, strict=True))
            took = (time.process_time() - started) / salts
            yield (
                f"| {name} | {n_rows:,} | {kind} | {ours:.4f} | {theirs:.4f} | {ours - theirs:+.4f} | {mean_rounds:.0f} | {took:.1f} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--from-salt", type=int, default=0, help="the first split and seed")
    parser.add_argument("--only", type=lambda text: text.split(","), default=None)
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=["logistic-regression", "mlp"])
    parser.add_argument("--clear", action="store_true")
    for line in lines(parser.parse_args()):
        print(line, flush=True)
    sys.exit(0)


if __name__ == "__main__":
    main()
