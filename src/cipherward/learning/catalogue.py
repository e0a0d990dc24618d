"""Every kind of model by the name that a study gives: a new one is a file and a line here. Kinds are imported when asked for."""

from __future__ import annotations

from cipherward import entries
from cipherward.errors import StudyError
from cipherward.learning.model_kind import ModelKind, ShapedKind
from cipherward.study import Model

KINDS: dict[str, str | type[ModelKind]] = {
    "logistic-regression": "cipherward.learning.kind_logistic_regression:LogisticRegression",
    "linear": "cipherward.learning.kind_linear:LinearModel",
    "mlp": "cipherward.learning.kind_mlp:MultilayerPerceptron",
    "points": "cipherward.learning.kind_points:PointsTable",
    "boosted-trees": "cipherward.learning.kind_boosted_trees:BoostedTrees",
    "cnn": "cipherward.learning.kind_cnn:ConvolutionalNetwork",
    "sequence": "cipherward.learning.kind_sequence:Sequence",
    "backbone": "cipherward.learning.kind_backbone:Backbone",
    "tabular": "cipherward.learning.kind_tabular:TabularNetwork",
    "custom": "cipherward.learning.kind_custom:Custom",
}
"""name -> "module:class", or the class itself."""


def kind_of(model: Model) -> ModelKind:
    """The kind of a study's model.

    Raises:
        StudyError: there is no such kind.
    """
    if model.kind not in KINDS:
        raise StudyError(f"no kind of model is called {model.kind!r}", hint=f"kinds: {', '.join(sorted(KINDS))}")
    return entries.load(KINDS[model.kind])()


def fitted_by(task: str) -> list[str]:
    """The kinds of model that a task fits."""
    return [name for name, kind in KINDS.items() if entries.load(kind).fitted_by == task]


def problems(model: Model, shape: tuple[int, ...] = ()) -> list[str]:
    """Everything that is wrong with a study's `[model]`, each with its place. `shape`: `Study.input_shape`."""
    if model.kind not in KINDS:
        return [f"model.kind: {entries.unknown(KINDS, model.kind, 'kind')}"]
    kind = kind_of(model)
    return [*kind.problems(model), *(kind.shape_problems(model, shape) if isinstance(kind, ShapedKind) else ())]


def words(name: str) -> str:
    """A kind in words; the name itself where no such kind is installed, as in somebody else's results."""
    return kind_of(Model(kind=name)).words if name in KINDS else name


def describe(model: Model) -> str:
    """A study's model in words, with the settings that decide its size; its kind's name where no such kind is installed."""
    return kind_of(model).describe(model) if model.kind in KINDS else model.kind
