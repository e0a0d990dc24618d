"""`cipherward exposure`: what was opened, who stood in it, and what could be inferred."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cipherward.cli.homes import HOME, JSON

if TYPE_CHECKING:
    from cipherward.consortium.homes.exposure import OwnExposure, OwnStand
    from cipherward.runs.exposure import Exposure, Inferred, Spent


def exposure(
    what: str = typer.Argument(
        "", metavar="[STUDY|RUN]", help="A run directory, or a study in a hospital's home; none: all its studies."
    ),
    json: bool = JSON,
    home: Path = HOME,
) -> None:
    """Say what all opened sums together give away: of a run, from its files, or of a hospital, from its own home.

    Everything is replayed first: a run that its files do not prove is refused.
    """
    from cipherward.cli.terminal import print_json, say
    from cipherward.consortium.homes import exposure as own_exposure
    from cipherward.consortium.homes.hospital_home import HospitalHome
    from cipherward.report.facts import clean
    from cipherward.runs import exposure as of_run

    if what and Path(what).is_dir():
        run = of_run.of_path(Path(what))
        if json:
            print_json(run.to_json())
            return
        lines = [*_run(run), "", *_inferred(run.inferred, run.reader), "", *_limits()]
    else:
        found = own_exposure.own(HospitalHome(home), what)
        if json:
            print_json(found.to_json())
            return
        lines = list(_own(found))
    for line in lines:
        say(clean(line))


def _own(found: OwnExposure) -> Iterator[str]:
    yield f"Hospital {found.hospital}, by its own ledger and receipts."
    for one in found.registers:
        block = f"block {one.block[:12]}" if one.block else "no block named yet"
        founded = ", bound to it for good" if one.founded else ""
        more = "; ended by its people" if one.ended else ""
        more += f"; begun under an earlier key of this hospital, {one.began_under}" if one.began_under else ""
        yield f"  table {one.register!r}: {block}{founded}; {_answer(one.agreed)}{more}"
        yield f"    {_refreshes(one)}"
    yield from _budget(found.budget)
    for study in found.studies:
        yield ""
        if study.run:
            yield from _run(study.run)
            yield f"  Receipts of this hospital: {study.receipts}"
        else:
            yield f"Study {study.study}, digest {study.digest[:12]}"
        if study.problem:
            yield f"  {study.problem}"
    yield ""
    if found.pending:
        yield f"{found.pending} sum(s) that this hospital voted for were not shown to it opened; they count as opened here."
    yield from _inferred(found.inferred, "".join({s.run.reader for s in found.studies if s.run and s.run.reader}))
    yield ""
    yield from _limits()


def _refreshes(one: OwnStand) -> str:
    opened = f"opened at refresh {', '.join(map(str, one.refreshes))}" if one.refreshes else "in no opened sum yet"
    waits = (
        f"; sums at refresh {', '.join(map(str, one.open_refreshes))} may still be opened" if one.open_refreshes else ""
    )
    if not one.rows:
        return f"{opened}{waits}"
    return f"{opened}{waits}; {one.rows['batches']} batches, {one.rows['batches_out']} of them out for good"


def _run(run: Exposure) -> Iterator[str]:
    from cipherward.runs.exposure import register_words

    yield f"Study {run.study}, digest {run.digest[:12]}: every sum below was opened again from its files."
    yield "Who stands in the sums:"
    for block in run.blocks:
        yield (
            f"  block {block.digest[:12]}, whole or not at all{'' if block.founded else ' (in no opened sum yet)'}: "
            + ", ".join(block.members)
        )
    for one in run.registers:
        said = ("in its block" if one.block else "alone", _answer(one.agreed), *register_words(one))
        yield f"  {one.hospital}, table {one.register!r}: {'; '.join(said)}"
    yield "What was opened:"
    grouped: dict[tuple[object, ...], list[int]] = {}
    for each in run.sums:
        grouped.setdefault((each.purpose, each.contributors, each.opened, each.noise), []).append(each.number)
    for (purpose, names, opened, noise), numbers in grouped.items():
        which = f"sum {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} sums ({numbers[0]} to {numbers[-1]})"
        carries = f"with noise, {noise}" if noise else "EXACT: no noise"
        did = "" if opened else "; gave no result, counts as opened"
        yield f"  {purpose}, {which}: {carries}{did}"
        yield f"    over {_listed(names)}"
    if not run.sums:
        yield "  nothing yet"
    yield from _budget(run.budget)


def _budget(budget: Iterable[Spent]) -> Iterator[str]:
    spent = list(budget)
    yield "Privacy budget:" if spent else "Privacy budget: none. Nothing is promised to single patients."
    for one in spent:
        of = "no limit" if one.epsilon is None else f"limit epsilon {one.epsilon:.4g}"
        left = "" if one.left is None else f", left {one.left:.4g}"
        used = (
            "each hospital's own ledger has what was spent"
            if one.spent is None
            else f"spent epsilon {one.spent:.4g}{left}"
        )
        yield f"  {one.what}: {of}, {used}, at delta {one.delta:.1g}"


def _inferred(inferred: Inferred, reader: str) -> Iterator[str]:
    from cipherward.runs.exposure import sentences

    yield "What could be inferred, by whoever sees the opened sums:"
    for sentence in sentences(inferred, reader):
        yield f"  {sentence}"


def _limits() -> Iterator[str]:
    from cipherward.runs.exposure import LIMITS

    yield "What blocks do not give:"
    for sentence in LIMITS:
        yield f"  - {sentence}"


def _answer(agreed: bool) -> str:
    return "agreed to be singled out" if agreed else "may not be singled out"


def _listed(names: object) -> str:
    return ", ".join(names) if isinstance(names, tuple) and names else "nobody"
