"""How often the rule on cut inputs (`parties.cut_inputs`) declines a study that is asked again with new noise: rows beyond where a
first study cuts, by column, and which hospitals decline.

    python benchmarks/cut_inputs.py [--data diabetes130=FOLDER] [--only readmission] [--draws 6]

The built-in studies fitted by Newton steps, and as they come: how many steps an update has, and their reach. No encryption.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from cipherward.attacks.federation import no_clock, open_sum, values_of
from cipherward.data import preprocess
from cipherward.data.partition import TRAIN
from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.errors import UnfitUpdateError
from cipherward.parties.cut_inputs import CutInputs, cuts
from cipherward.store.ledger import Ledger
from cipherward.study import Study, load_builtin, parse
from cipherward.tasks import rounds, sent_update
from cipherward.tasks.catalogue import begin, make_task
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.noise import in_numbers
from cipherward.tasks.state import StudyState

BUILT_IN = ("readmission", "breast-cancer", "diabetes130")
FIRST_SUMS = ("fit/gradient", "update/")


def works_of(hospitals: Sequence[HospitalData]) -> list[HospitalWork]:
    return [HospitalWork(index, data, "cpu", no_clock) for index, data in enumerate(hospitals, start=1)]


def by_steps(name: str, scale: str) -> Study:
    """The built-in study fitted by Newton steps, with its own noise on the statistics, if it has any."""
    document = load_builtin(name).model_dump(mode="json", exclude_unset=True)
    document["training"] = {"method": "newton", "rounds": 1, "scale": scale}
    study = parse(document, origin=name)
    return in_numbers(study, make_task(study))


def before_training(study: Study, works: Sequence[HospitalWork]) -> tuple[StudyState, Preprocessor]:
    """The state whose next sum is the first step or round, with new noise at each call, and its constants."""
    state = begin(study)
    while not any(each.name.startswith(FIRST_SUMS) for each in state.layout.segments):
        state = open_sum(state, values_of(state, works)).after
    if state.model is None or not isinstance(state.model.preprocessor, Preprocessor):
        raise TypeError(f"{study.name} is no study of tables")
    return state, state.model.preprocessor


def beyond(hospitals: Sequence[HospitalData], scaling: Preprocessor) -> dict[str, list[int]]:
    """By column, how many training rows of each hospital are cut."""
    found = {}
    for column, _, (low, high), _ in cuts(scaling):
        rows = [
            preprocess.scaled(each.table[column.name].to_numpy()[each.split == TRAIN], column) for each in hospitals
        ]
        found[column.name] = [int(((each < low) | (each > high)).sum()) for each in rows]
    return found


def is_declined(each: CutInputs, work: HospitalWork, state: StudyState) -> bool:
    try:
        each.hold(work, state)
    except UnfitUpdateError:
        return True
    return False


def asked_again(study: Study, hospitals: Sequence[HospitalData], draws: int, folder: Path) -> tuple[str, str]:
    """Rows beyond, by column, from the fewest to the most of a draw; how many hospitals decline in each draw after the first."""
    works, rows = works_of(hospitals), []
    rules = [CutInputs(Ledger(folder / f"{work.index}.sqlite"), "table") for work in works]
    declined = []
    for _ in range(draws):
        state, scaling = before_training(study, works)
        rows.append(beyond(hospitals, scaling))
        declined.append(sum(is_declined(rule, work, state) for rule, work in zip(rules, works, strict=True)))
    for rule in rules:
        rule.ledger.close()
    said = []
    for name in rows[0]:
        if any(sum(each[name]) for each in rows):
            totals = sorted({sum(each[name]) for each in rows})
            said.append(
                f"{name} {', '.join(map(str, totals))} (at {max(np.count_nonzero(each[name]) for each in rows)} hospitals)"
            )
    return "; ".join(said) or "none", ", ".join(map(str, declined[1:]))


def lines(arguments: argparse.Namespace) -> Iterator[str]:
    given = dict(each.split("=", 1) for each in arguments.data)
    yield "| study | hospitals | training rows | columns of numbers | scale | noise | rows cut, by column | hospitals that decline, by draw |"
    yield "|---|---|---|---|---|---|---|---|"
    steps = []
    for name in arguments.only or BUILT_IN:
        study = load_builtin(name)
        hospitals = load_hospitals(study, Path(given[name]) if name in given else None, Path())
        n_rows = [int((each.split == TRAIN).sum()) for each in hospitals]
        for scale in ("standard", "robust"):
            fit = by_steps(name, scale)
            with tempfile.TemporaryDirectory() as folder:
                rows, declined = asked_again(fit, hospitals, arguments.draws, Path(folder))
            columns = sum(column.kind != "categorical" for column in fit.columns)
            noise = "on" if fit.own_noise else "off"
            yield f"| {name} | {len(hospitals)} | {sum(n_rows)} | {columns} | {scale} | {noise} | {rows} | {declined} |"
        _, scaling = before_training(study.with_overrides(noise={"enabled": False}), works_of(hospitals))
        chosen = rounds.settings(study, scaling)
        some = [sent_update.steps_of(chosen, n) for n in n_rows]
        reach = [sent_update.reach_of(chosen, scaling, n) for n in n_rows]
        steps.append(
            f"{name} as it comes: {min(some)} to {max(some)} steps in an update, reach {min(reach):.2f} to {max(reach):.2f}"
        )
    yield ""
    yield from steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--only", type=lambda text: text.split(","), default=None)
    parser.add_argument("--draws", type=int, default=6)
    for said in lines(parser.parse_args()):
        print(said, flush=True)


if __name__ == "__main__":
    main()
