"""A computation as a list of ONNX operators, put together without the package onnx: what a model's parts write themselves into.

Operators are those of opset 17 (and `ai.onnx.ml` 2), which runtimes since 2022 know. A value is a name; rows come first in every shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPSET = 17
ML, ML_OPSET = "ai.onnx.ml", 2


@dataclass(frozen=True)
class Port:
    """An input or output of a graph. `dtype`: "float64", "float32" or "string"; its shape is [rows, width]. `words`: for people."""

    name: str
    dtype: str
    width: int
    words: str


@dataclass(frozen=True)
class Node:
    """One operator. `attributes`: numbers, texts, or lists of one of them."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    domain: str
    attributes: Mapping[str, Any]


@dataclass
class Graph:
    """Nodes in the order in which they are computed. `number`: of tables' numbers as they come in and predictions as they go out,
    "float64" or "float32"; in between is what each part chooses."""

    number: str = "float64"
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    nodes: list[Node | bytes] = field(default_factory=list)
    """`bytes`: a serialised NodeProto that somebody else's exporter made."""
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    """Of each input that can hold what is refused: which rows do, bool[rows, 1]."""

    def __post_init__(self) -> None:
        self._made = 0

    def new_name(self, what: str) -> str:
        """A name that no column has: they stand for themselves."""
        self._made += 1
        return f"/{what}/{self._made}"

    def add(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Append an operator with one output; its name."""
        output = self.new_name(op)
        self.nodes.append(Node(op, inputs, (output,), domain, attributes))
        return output

    def constant(self, values: NDArray[Any] | Sequence[Any], dtype: str = "") -> str:
        """A tensor of fixed numbers."""
        name = self.new_name("constant")
        self.constants[name] = np.ascontiguousarray(np.asarray(values, dtype=dtype or None))
        return name

    def input(self, name: str, dtype: str, words: str, width: int = 1) -> str:
        """A column of a table, [rows, width]."""
        self.inputs.append(Port(name, dtype, width, words))
        return name

    def output(self, value: str, port: Port) -> None:
        """Let a value come out under the port's name."""
        self.nodes.append(Node("Identity", (value,), (port.name,), "", {}))
        self.outputs.append(port)

    def cast(self, value: str, dtype: str) -> str:
        """The value in another dtype: "float64", "float32", "int64" or "bool"."""
        return self.add("Cast", value, to=_CAST[dtype])

    def joined(self, values: Sequence[str]) -> str:
        """Values of the same rows side by side, [rows, sum of widths]."""
        return self.add("Concat", *values, axis=1) if len(values) > 1 else values[0]

    def looked_up(self, table: NDArray[Any] | Sequence[Any], places: str, dtype: str = "") -> str:
        """For each place, int64[rows, m], the entry of a table: [rows, m] of a vector, [rows, m, width] of a matrix."""
        return self.add("Gather", self.constant(table, dtype), places, axis=0)


_CAST = {"float32": 1, "int64": 7, "bool": 9, "float64": 11}
"""TensorProto.DataType"""
