"""What an attack is: its words, its settings, and what it measures. A new attack is a class of this kind in a file of its own."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from cipherward.attacks.context import Context
from cipherward.study import Study


class Settings(BaseModel):
    """The numbers that an attack runs with; they are written beside its results."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Measure:
    """One thing that an attack measured: a line of attacks.csv.

    `setting`: under which circumstances; `measure`: what was measured; `value`: None where it could not be, `words` says why;
    `low`, `high`: the ends of its 95 % interval; `bar`: what this project wants it to be, as "at least 0.5"; `words`: what the number is,
    without a verdict.
    """

    setting: str
    measure: str
    value: float | None
    words: str
    low: float | None = None
    high: float | None = None
    bar: str = ""


@dataclass(frozen=True)
class Exhibit:
    """Something to look at: a table of text, or rows of pictures side by side.

    `pictures`: of each row its name, and grey pictures float[height, width] from 0 to 1 under `head`[1:].
    """

    title: str
    words: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = ()
    pictures: tuple[tuple[str, tuple[NDArray[np.float64], ...]], ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Found:
    """What one run of an attack found."""

    measures: tuple[Measure, ...]
    exhibits: tuple[Exhibit, ...] = ()


@dataclass(frozen=True)
class Part:
    """Settings of an attack that need an extra of this package. `words`: which settings; `extra`: its name; `packages`: what of it is imported."""

    words: str
    extra: str
    packages: tuple[str, ...]

    def not_run(self) -> str:
        """Why these settings are not run here, and what to install, as part of a sentence; empty where everything is installed."""
        missing = [name.replace("_", "-") for name in self.packages if importlib.util.find_spec(name) is None]
        if not missing:
            return ""
        of_them = "which is" if len(missing) == 1 else "which are"
        return (
            f'needs {" and ".join(missing)}, {of_them} not installed: python -m pip install "cipherward[{self.extra}]"'
        )


PRIVACY = Part("with differential privacy", "privacy", ("opacus", "dp_accounting"))


class Attack(ABC):
    """One attack.

    `name`: on the command line. `title`: in reports. `explanation`: for a privacy officer, in plain words: who attacks, what they
    have, what they do, and what it means if it works. `version`: of its method; results of another one are measured anew.
    `parts`: what of it needs an extra of this package; all else runs without one.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    explanation: ClassVar[str]
    version: ClassVar[int] = 1
    parts: ClassVar[tuple[Part, ...]] = ()

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()

    def why_not(self, study: Study) -> str:
        """Why it cannot be run on this study, as a sentence; empty where it can."""
        return ""

    def not_run(self) -> list[str]:
        """Each part that cannot be run on this machine, with the reason and what to install."""
        return [f"{part.words}: {reason}" for part in self.parts if (reason := part.not_run())]

    @abstractmethod
    def run(self, at: Context) -> Found:
        """Attack, and measure what was got. Its randomness comes from `at.generator`, but for secrets and noise.

        Raises:
            InterruptedRunError: `at.may_go_on` said so.
            CipherwardError: what the study itself raises.
        """

    def described(self) -> dict[str, Any]:
        """What decides a result, beside study, data and seed."""
        return {"attack": self.name, "version": self.version, **self.settings.model_dump(mode="json")}
