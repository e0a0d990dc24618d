"""What a model that is fitted by sums over binned rows is compared with: the same rules over all rows in one place, and over one
hospital's alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data.sources import HospitalData
from cipherward.errors import CipherwardError
from cipherward.learning import metrics, sgd
from cipherward.learning.outcome_binary import BINARY
from cipherward.learning.points import Points
from cipherward.tasks import by_hospital, own_rows, pooled_boosting
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.rows import TEST, labels_of, rows_of
from cipherward.tasks.task import Model, Task
from cipherward.tasks.yardsticks import best_auroc


def beside(
    task: Task[Any], last: Model, hospitals: Sequence[HospitalWork], alone_by: Task[Any] | None = None
) -> dict[str, Any]:
    """What a simulation says of the model beside the centralised and the local-only ones, and boosting of all rows in one
    place: JSON values, as task `train` does. `alone_by`: the rules of the local-only ones, where they are others."""
    data = [each.data for each in hospitals]
    labels: NDArray[np.int64] = labels_of(data, TEST).astype(np.int64)
    models = {"federated": last, "centralised": fitted(task, hospitals)}
    local = [fitted(alone_by or task, [each]) for each in hospitals]
    exact = {name: metrics.exact(_all_scores(model, data), labels) for name, model in models.items()}
    alone = {
        each.name: metrics.exact(_all_scores(model, data), labels).auroc
        for each, model in zip(data, local, strict=True)
    }
    # Without what the study leaves out, of which the model has nothing either.
    boosted = pooled_boosting.scores(last.scaling.columns, data)
    own = [
        {name: scores(model, each) for name, model in (models | {"local": mine}).items()}
        for each, mine in zip(data, local, strict=True)
    ]
    return {
        "auroc_federated_exact": exact["federated"].auroc,
        "auroc_centralised": exact["centralised"].auroc,
        "auroc_local": alone,
        "auroc_best_possible": best_auroc(data, labels),
        "auroc_centralised_by_round": [exact["centralised"].auroc],
        "centralised": dataclasses.asdict(exact["centralised"]),
        "others": [{"name": pooled_boosting.NAME, "measured": dataclasses.asdict(metrics.exact(boosted, labels))}],
        "by_hospital": by_hospital.facts(data, own, BINARY),
    }


def own(task: Task[Any], last: Model, at: HospitalWork) -> dict[str, Any]:
    """What a hospital finds out for itself: the model on its own test rows, beside one of its own rows alone."""

    def alone() -> NDArray[np.float64]:
        return scores(fitted(task, [at]), at.data)

    return own_rows.figures(at.data, lambda: scores(last, at.data), alone, BINARY)


def fitted(task: Task[Any], hospitals: Sequence[HospitalWork]) -> Model | None:
    """The model that the task's rules make of these hospitals' rows in the clear; None: they make none."""
    state = task.first()
    works = [HospitalWork(each.index, each.data, each.device, each.clock, secret=each.secret) for each in hospitals]
    try:
        while (question := task.ask(state)) and question.purpose != "evaluate":
            flat = np.sum([question.layout.flatten(task.answer(state, each)) for each in works], axis=0)
            state = task.after(state, question.layout.unflatten(flat, len(hospitals)), len(hospitals))
    except CipherwardError:
        return None
    return task.model(state)


def scores(model: Model | None, data: HospitalData) -> NDArray[np.float64]:
    """Of the hospital's test rows, float64[n]; the same for all where there is no model."""
    if model is None:
        return np.full(int((data.split == TEST).sum()), 0.5)
    features, _ = rows_of(data, model.scaling, TEST)
    return sgd.scores(Points(model.weights), model.weights, features)


def _all_scores(model: Model | None, hospitals: Sequence[HospitalData]) -> NDArray[np.float64]:
    return np.concatenate([scores(model, each) for each in hospitals])
