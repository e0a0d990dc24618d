"""What a kind of model is: its words, its settings, and how its module is made. A new kind derives from `ModelKind`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from cipherward import settings_words
from cipherward.errors import StudyError
from cipherward.graph import Graph
from cipherward.study import Model, Study

if TYPE_CHECKING:
    from torch import nn

    from cipherward.learning.linear import Linear
    from cipherward.learning.outcome import Outputs

Module: TypeAlias = "nn.Module | Linear"
Factory = Callable[[int], "nn.Module"]
"""Makes a module from the number of input features."""


class KindSettings(BaseModel):
    """The settings of a kind in `[model]`, beside `kind`; here none. A kind with settings derives its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelKind(ABC):
    """One kind of model. `words` name it in reports; `Settings` are what `[model]` may hold for it.

    `is_own_code`: the module comes from a factory that is passed in, or from `model.package`; no study describes it.
    `is_linear`: its parameters are one weight per input and last the intercept, which a report can show; compiled
    kernels train and score it, on the CPU and without torch. `fitted_by`: the task that fits it. `takes_outputs`: it has models of
    other outcomes than binary ones (`build_for`), and not `has_numbers`: of no outcome that is a number.
    """

    words: ClassVar[str]
    is_own_code: ClassVar[bool] = False
    is_linear: ClassVar[bool] = False
    fitted_by: ClassVar[str] = "train"
    takes_outputs: ClassVar[bool] = False
    has_numbers: ClassVar[bool] = True
    pins_frozen: ClassVar[bool] = False
    """Whether what a module holds and does not train follows from the kind's own settings, which it checks itself."""
    Settings: ClassVar[type[KindSettings]] = KindSettings

    def problems(self, model: Model) -> list[str]:
        """Everything that is wrong with the settings of a study's model of this kind."""
        try:
            self.Settings.model_validate(model.settings)
        except ValidationError as error:
            said = f"kind {model.kind!r} has no such setting"
            return [
                f"model.{'.'.join(map(str, item['loc']))}: "
                + (
                    f"kind {model.kind!r} needs it"
                    if item["type"] == "missing"
                    else settings_words.words(item, self.Settings, Study, said, "model")
                )
                for item in error.errors()
            ]
        return []

    def describe(self, model: Model) -> str:
        """The model in words, with the settings that decide its size."""
        return self.words

    @abstractmethod
    def build(self, model: Model, n_features: int, seed: int, factory: Factory | None) -> Module:
        """A fresh model on the CPU: float32[n, n_features] in, one logit per row out ([n] or [n, 1]).

        A torch module is made by `networks.made`, inside `build`, so that torch is imported only when one is needed: it
        seeds torch's generator, checks the module and gives linear layers first weights that are the same on every
        processor; other layers keep what they drew.
        """

    def build_for(self, model: Model, n_features: int, seed: int, factory: Factory | None, outputs: Outputs) -> Module:
        """As `build`, with the outputs of an outcome that is not binary: `outputs.size` numbers per row, [n, size]. A torch module
        ends with `networks.head`. A kind that has such models states `takes_outputs`, too."""
        raise StudyError(
            f"a model of kind {model.kind!r} predicts a binary outcome only", hint='set model.kind = "linear" or "mlp"'
        )

    def exported(self, module: Module, graph: Graph, features: str, width: int) -> str:
        """Append the model to a graph, after its inputs (`data.graphs.add`); the name of what it gives: float64[rows, outputs].

        Args:
            features: name of the inputs, [rows, width].

        Raises:
            StudyError: the kind, or this module, cannot be exported.
        """
        raise StudyError(
            f"a {self.words} cannot be exported: the kind has no ONNX form",
            hint="predict with cipherward itself: cipherward predict",
        )


class ShapedKind(ModelKind):
    """A kind whose input row is folded: an image, series of one length, or the columns of a table (`Study.input_shape`). `takes`: the shape, in words;
    `dimensions`: how many it has."""

    takes: ClassVar[str]
    dimensions: ClassVar[int] = 0
    takes_outputs = True

    def build(self, model: Model, n_features: int, seed: int, factory: Factory | None) -> Module:
        raise StudyError(f"model.kind {model.kind!r} takes {self.takes}")

    def shape_problems(self, model: Model, shape: tuple[int, ...]) -> list[str]:
        """What does not fit the study's columns."""
        if len(shape) != self.dimensions or shape[0] == 0:
            return [f"model.kind: {model.kind!r} takes {self.takes}, and the study's [[columns]] are something else"]
        return []

    @abstractmethod
    def build_shaped(self, model: Model, shape: tuple[int, ...], seed: int, outputs: Outputs) -> nn.Module:
        """As `build` and `build_for`; each row of float32[n, n_features] is of this shape, in C order."""

    def exported(self, module: Module, graph: Graph, features: str, width: int) -> str:
        from cipherward.learning import network_graphs

        return network_graphs.traced(graph, module, features, width)
