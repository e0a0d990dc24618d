"""A hospital's own installed model code, for studies with model.kind "custom".

A study names "module:function"; nothing is fetched or unpacked. It is imported only where the hospital's policy lists it.
"""

from __future__ import annotations

import dataclasses
import importlib
from typing import cast

from cipherward.data.preprocess import n_features
from cipherward.errors import RefusedError, StudyError, words_of
from cipherward.learning import models
from cipherward.learning.catalogue import kind_of
from cipherward.learning.model_kind import Factory, Module
from cipherward.parties.policy import SIMULATION, Policy
from cipherward.runs.modelfile import ModelFile
from cipherward.study import Study


def factory_of(study: Study, policy: Policy) -> Factory | None:
    """What makes the study's model from the number of input features; None for the built-in kinds.

    Raises:
        RefusedError: the policy does not allow the package.
        StudyError: it is not installed here, or has no such function.
    """
    name = study.model.package
    if not kind_of(study.model).is_own_code:
        return None
    if not name or name not in policy.packages:
        raise RefusedError(
            f"this hospital's policy does not allow the model package {name!r}",
            hint="its privacy officer lists installed packages in policy.toml",
        )
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise StudyError(
            f"the model package {name!r} cannot be loaded here: {words_of(error)}",
            hint=f"install {module.split('.')[0]} first",
            logged=f"the model package {name!r} cannot be loaded here",
        ) from None
    if not callable(found):
        raise StudyError(f"{name!r} is not a function that makes a model")
    return cast(Factory, found)


def coordinators_factory(study: Study) -> Factory | None:
    """The same at the coordinator, which starts from the same installed model code as the hospitals. Raises: StudyError."""
    return factory_of(study, dataclasses.replace(SIMULATION, packages=frozenset({study.model.package})))


def module_of(model: ModelFile, policy: Policy) -> Module | None:
    """The module to predict with, for a received model of kind "custom"; None for the built-in kinds.

    Raises:
        RefusedError, StudyError: as `factory_of`.
    """
    factory = factory_of(model.study, policy)
    if factory is None:
        return None
    study, scaling = model.study, model.preprocessor
    n_inputs = scaling.n_features if scaling else n_features(study.without_columns(study.evaluation.apart).columns)
    return models.build(study.model, n_inputs, study.seed, factory)
