"""The arms of a comparison: which study each one runs, what it needs installed, and who could read one update in it."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

from cipherward.crypto import schemes
from cipherward.crypto.ckks import CkksScheme
from cipherward.crypto.masks import MasksScheme
from cipherward.crypto.plain import PlainScheme
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import Opener
from cipherward.errors import StudyError
from cipherward.runs.verify import Run
from cipherward.study import Study

CLIPPING_NORM = 1.0
"""Of a row's gradient, where the study names none; docs/privacy.md has what it costs."""

CENTRALISED, LOCAL = "centralised", "local-only"

_LARGEST_DELTA = 1e-5
_EPSILONS = (1.0, 3.0, 8.0)
_PRIVATE_STYLES = (("ring", "h6 dash-c"), ("cross", "h5 dash-b"), ("down", "h4 dash-a"))
_PRIVACY = ("privacy", "opacus", "dp_accounting")


@dataclass(frozen=True)
class Arm:
    """`scheme` None: no federation. `epsilon` None: no differential privacy; otherwise of records. `style`: marker and CSS
    classes in figures, where arms differ in marker and dash, never in colour alone; `layer`: what is drawn over what."""

    name: str
    label: str
    scheme: str | None
    epsilon: float | None
    objective: str
    methodology: str
    primary_contribution: str
    style: tuple[str, str]
    layer: int = 2

    @property
    def extras(self) -> tuple[tuple[str, ...], ...]:
        """Extras of this package that it needs, each with the packages that come with it."""
        of_scheme = schemes.facts(self.scheme).extra if self.scheme else ()
        return tuple(extra for extra in (of_scheme, _PRIVACY if self.epsilon else ()) if extra)


def _private(epsilon: float, style: tuple[str, str]) -> Arm:
    return Arm(
        f"dp-{epsilon:g}",
        f"federated + differential privacy, epsilon {epsilon:g}",
        PlainScheme.name,
        epsilon,
        "bound what the updates and the model tell about one record",
        "DP-SGD at each hospital: clipped gradients, calibrated noise; updates travel unencrypted",
        "a provable bound for each record, paid for in accuracy",
        style,
    )


_FL = "train one model without moving rows"
_FIXED = (
    Arm(
        CENTRALISED,
        "centralised, all rows pooled",
        None,
        None,
        "the most accurate model that all rows together give",
        "all rows in one place, one model",
        "the yardstick; every row leaves its hospital",
        ("square", "cen"),
        1,
    ),
    Arm(
        LOCAL,
        "each hospital alone",
        None,
        None,
        "a model without any cooperation",
        "each hospital trains on its own rows",
        "nothing leaves a hospital, and nothing is learned from the others",
        ("triangle", "loc"),
    ),
    Arm(
        PlainScheme.name,
        "traditional federated learning",
        PlainScheme.name,
        None,
        _FL,
        "federated averaging of unencrypted updates",
        "rows stay where they are; updates are visible",
        ("triangle", "loc broad"),
        0,
    ),
    *(_private(epsilon, style) for epsilon, style in zip(_EPSILONS, _PRIVATE_STYLES, strict=True)),
    Arm(
        MasksScheme.name,
        "secure multi-party computation (pairwise masks)",
        MasksScheme.name,
        None,
        "compute the sum of updates without showing one",
        "pairwise masks that cancel in the sum, Shamir shares for drop-outs",
        "hides single updates at little cost; a false sum goes unnoticed",
        ("diamond", "h8 dash-b"),
    ),
    Arm(
        CkksScheme.name,
        "homomorphic encryption, key at the coordinator (CKKS)",
        CkksScheme.name,
        None,
        "add updates without decrypting them",
        "CKKS ciphertexts added by the coordinator, who holds the key",
        "encryption on the way and at rest; rests on trust in the key holder",
        ("plus", "h9 dash-c"),
    ),
    Arm(
        QuorumScheme.name,
        "homomorphic encryption, opened by a quorum",
        QuorumScheme.name,
        None,
        "add updates without any key that opens one",
        "additive RLWE under one-time secrets that are shared among hospitals; a quorum opens the sum",
        "no party can open one update, and every hospital verifies the sum",
        ("circle", "fed"),
        3,
    ),
    Arm(
        "quorum-dp",
        f"quorum + differential privacy, epsilon {_EPSILONS[1]:g}",
        QuorumScheme.name,
        _EPSILONS[1],
        "hide single updates, and bound what their sum tells about one record",
        "DP-SGD at each hospital, then the quorum's encryption",
        "both protections at once, with the accuracy of differential privacy",
        ("diamond", "h7 dash-d"),
    ),
)
ARMS: dict[str, Arm] = {arm.name: arm for arm in _FIXED}
"""Every arm, in the order in which a comparison runs and shows them."""

EXACT = tuple(name for name, arm in reversed(ARMS.items()) if arm.scheme and arm.epsilon is None)
"""Federated arms without noise, the best protected first: they all lead to the model of the last."""

PROTECTED, UNPROTECTED = EXACT[0], EXACT[-1]


def choose(names: Sequence[str] | None) -> tuple[Arm, ...]:
    """The arms of these names in the usual order; all of them for None.

    Raises:
        StudyError: a name that no arm has, no name at all, or an extra that is not installed.
    """
    if names is not None and (unknown := sorted(set(names) - set(ARMS))):
        raise StudyError(f"no arm is called {', '.join(map(repr, unknown))}", hint=f"arms: {', '.join(ARMS)}")
    chosen = tuple(arm for arm in ARMS.values() if names is None or arm.name in names)
    if not chosen:
        raise StudyError("no arm is chosen", hint=f"arms: {', '.join(ARMS)}")
    _check_extras(chosen)
    return chosen


def _check_extras(chosen: tuple[Arm, ...]) -> None:
    missing: dict[str, list[str]] = {}
    for arm in chosen:
        for extra, *packages in arm.extras:
            if any(importlib.util.find_spec(package) is None for package in packages):
                missing.setdefault(extra, []).append(arm.name)
    if not missing:
        return
    without = [arm.name for arm in chosen if not any(arm.name in names for names in missing.values())]
    wanted = "; ".join(f"{', '.join(names)} need(s) cipherward[{extra}]" for extra, names in missing.items())
    leave = f", or leave them out: --schemes {','.join(without)}" if without else ""
    raise StudyError(
        f"not everything that the comparison needs is installed: {wanted}",
        hint=f'install it: python -m pip install "cipherward[{",".join(missing)}]"{leave}',
    )


def study_of(arm: Arm, study: Study, seed: int, n_rows: int) -> Study:
    """The study that an arm runs for a seed; `n_rows`: training rows of the largest hospital.

    Without federation it is the study as plain federated learning would run it.

    Raises:
        StudyError: the study cannot run under the arm's scheme.
    """
    changed = study.with_overrides(
        top={"seed": seed, "privacy": None}, noise={"enabled": False}, aggregation={"scheme": arm.scheme or UNPROTECTED}
    )
    if arm.epsilon is None:
        return changed
    asked = study.privacy if study.privacy and study.privacy.unit == "record" else None
    delta = asked.delta if asked else min(_LARGEST_DELTA, 0.1 / n_rows)
    norm = asked.clipping_norm if asked else CLIPPING_NORM
    return changed.with_overrides(
        privacy={"unit": "record", "epsilon": arm.epsilon, "delta": delta, "clipping_norm": norm}
    )


def who_can_read(arm: Arm, run: Run | None) -> str:
    """Who could read one hospital's update, from the scheme that ran (None: nothing was sent)."""
    if run is None:
        return "whoever keeps the pool: all rows lie there" if arm.name == CENTRALISED else "nobody: nothing is sent"
    study, opener = run.first.study, run.rules.scheme.opener
    if opener is Opener.ANYONE:
        text = "the coordinator, and whoever carries it: not encrypted"
    elif opener is Opener.COORDINATOR:
        text = "the coordinator, who holds the only key"
    else:
        text = (
            f"nobody, while at most {study.thresholds.corrupt} of {run.rules.n_hospitals} hospitals collude with the "
            "coordinator"
        )
    if study.privacy:
        text += f"; bounded for one {study.privacy.unit} (epsilon {study.privacy.epsilon:g} at delta {study.privacy.delta:g})"
    return text


def dropouts_tolerated(run: Run) -> int:
    """How many hospitals may be missing from a sum, from the rules that ran."""
    rules = run.rules
    return rules.n_hospitals - max(rules.threshold, rules.min_contributors)
