"""personalised.json: what fine-tuning gained each hospital, without the models. At one hospital, or of a whole simulation."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cipherward.errors import StorageError
from cipherward.runs.result_json import Amount, Count, Share
from cipherward.store import files
from cipherward.tasks.personal import Personalised

NAME = "personalised.json"
MODEL = "personal.safetensors"


class PersonalFigures(BaseModel):
    """One hospital's line. Fields as `tasks.personal.Personalised`."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    name: str
    share: Share
    gain: float | None
    error: Amount | None
    why_not: str
    train_rows: Count | None
    test_rows: Count | None
    auroc: dict[Literal["shared", "personal"], Share]
    log_loss: dict[Literal["shared", "personal"], Amount]
    hidden: str


def write(path: Path, found: Iterable[Personalised]) -> None:
    """Write the lines durably, readable by their owner only. Raises StorageError: it cannot be written."""
    text = json.dumps({"hospitals": [each.to_json() for each in found]}, indent=2, allow_nan=False) + "\n"
    files.write(path, text.encode(), private=True)


def read(path: Path) -> tuple[PersonalFigures, ...]:
    """The lines; () where nothing was personalised.

    Raises:
        StorageError: the file is damaged.
    """
    if not path.exists():
        return ()
    try:
        found = files.json_object(files.read(path))["hospitals"]
        return tuple(PersonalFigures.model_validate(each) for each in found)
    except (ValueError, KeyError, TypeError, ValidationError):
        raise StorageError(
            f"{path} is damaged", hint="delete it; `cipherward personalise` writes it again from the run"
        ) from None


def words(found: Personalised) -> str:
    """A hospital's line for people."""
    what = f"moved {found.share:.0%} of the way to its own rows" if found.share else f"kept shared: {found.why_not}"
    if found.hidden:
        return f"{found.name}: {what}; not shown: {found.hidden}"
    shared, personal = found.auroc["shared"], found.auroc["personal"]
    figures = f"AUROC on its own test rows {shared:.3f}"
    if found.share:
        figures += f", personal {personal:.3f}; log loss {found.log_loss['shared']:.4f}, personal {found.log_loss['personal']:.4f}"
    return f"{found.name}: {what}; {figures}"
