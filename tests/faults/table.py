"""Writes the outcome of a run of the fault matrix into docs/reliability.md.

FAULTS_RESULTS=build/faults make test-faults
python -m tests.faults.table build/faults docs/reliability.md
"""

from __future__ import annotations

import itertools
import json
import re
import statistics
import sys
from pathlib import Path
from typing import Any

from tests.faults import cells

ROOT = Path(__file__).parents[2]
_WHO = {"agreed": "all", "nobody": "nobody"}
_SHORT = {
    "finished": "ok",
    "waited for it, then finished": "waits, ok",
}


def table(results: dict[str, dict[str, Any]]) -> str:
    """The matrix as Markdown: a line for each party and phase, a column for each fault; what was not run is a dot."""
    good = [r for r in results.values() if not r["ended"].startswith("FAILED")]
    same = sum(r["same_as_fault_free"] for r in good)
    away = [r for r in good if r["foretold"]]
    waited = sum(r["happened"] == "waits" for r in away)
    recoveries = [r["recovery"] for r in good if r["recovery"] is not None]
    lines = [
        f"{len(results)} of {len(cells.every())} cells were run; {len(good)} ended as they should, "
        f"{len(results) - len(good)} did not. In {len(away)} a hospital stayed away, and "
        f"{sum(r['happened'] == r['foretold'] for r in away)} times the study did what the table of missing hospitals says: it "
        f"waited and said so in {waited}, and finished when the hospital was there; it went on in {len(away) - waited}. In {same} every sum held the same hospitals as without a fault, and the final model was the fault-free "
        f"one, bit for bit; in the other {len(good) - same} some sum was closed without a hospital, and the model was exactly "
        "what the hospitals listed make it. Acknowledged and then lost: 0 updates. Half of the cells took at most "
        f"{statistics.median(r['seconds'] for r in good):.1f} s, the longest {max(r['seconds'] for r in good):.1f} s.",
        "",
    ]
    if recoveries:
        lines += [
            f"From the start of a coordinator's new process after kill -9 to the next step of the same sum: "
            f"{statistics.median(recoveries):.1f} s in the median of {len(recoveries)} cells, {max(recoveries):.1f} s at most "
            "(without the import of the libraries, about 2.5 s more in a cold start).",
            "",
        ]
    lines += [
        "| may be singled out | party | phase | " + " | ".join(cells.FAULTS) + " |",
        "|---|---|---|" + "---|" * len(cells.FAULTS),
    ]
    for agreement, party, phase in itertools.product(cells.AGREEMENTS, cells.PARTIES, cells.PHASES):
        row = [_word(results.get(str(cells.Cell(party, phase, fault, agreement)))) for fault in cells.FAULTS]
        lines.append(f"| {_WHO[agreement]} | {party} | {phase} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def _word(result: dict[str, Any] | None) -> str:
    if result is None:
        return "·"
    if result["ended"].startswith("FAILED"):
        return "**FAILED**"
    return _SHORT[result["ended"]] + ("" if result["same_as_fault_free"] else " −")


def read(folder: Path) -> dict[str, dict[str, Any]]:
    found = (json.loads(path.read_text()) for path in sorted(folder.glob("*.json")))
    return {result["cell"]: result for result in found}


def soak_table(results: Path) -> str:
    """What `benchmarks/soak.py` found, in Markdown."""
    (section,) = json.loads((results / "soak.json").read_text())["sections"]
    found = section["numbers"]
    faults = ", ".join(f"{count} x {name}" for name, count in sorted(found["faults"].items()) if name != "none")
    lines = [
        f"{found['rounds']} rounds in {found['seconds']} s; {faults}, and 5 % of the letters of two hospitals sent twice, late, "
        f"damaged or again. {found['sums_without_a_hospital']} of {found['rounds'] + 2} sums were closed without some hospital; "
        "the record verifies, and the model is exactly that of the hospitals listed.",
        "",
        "| process | memory after round 20 | at the end | growth | allocated after round 20 | at the end | growth |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in found["resident"]:
        cells = [name]
        for early, late in (found["resident"][name], found["own"][name]):
            cells += [f"{early / 2**20:.0f} MiB", f"{late / 2**20:.0f} MiB", f"{100 * (late / early - 1):+.1f} %"]
        lines.append(f"| {' | '.join(cells)} |")
    before = [size / 2**20 for size in found["server_before"]]
    lines += [
        "",
        f"The server's row counts from round {found['server_after_round']}, when its tables of subjects are full; from round 20 "
        f"its memory went from {before[0]:.0f} to {before[1]:.0f} MiB.",
    ]
    kept = max(size for name, size in found["growth_of_disk"].items() if name != "coordinator")
    lines += ["", f"Ledger, outbox and inbox of a hospital grew by at most {kept / 1024:.0f} KiB after round 20."]
    return "\n".join([*lines, "", *_bars(section)])


def restart_table(results: Path) -> str:
    """What `benchmarks/restart.py` found, in Markdown."""
    (section,) = json.loads((results / "restart.json").read_text())["sections"]
    lines = ["| killed after the step | median | most |", "|---|---|---|"]
    for phase, seconds in section["numbers"].items():
        lines.append(f"| {phase} | {statistics.median(seconds):.1f} s | {max(seconds):.1f} s |")
    return "\n".join([*lines, "", *_bars(section)])


def _bars(section: dict[str, Any]) -> list[str]:
    return [f"- {bar['wanted']}: {bar['found']}{'' if bar['holds'] else ' (**missed**)'}" for bar in section["bars"]]


def _replace(text: str, name: str, made: str) -> str:
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    return re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{made}\n{end}", text, flags=re.DOTALL)


def main(folder: str, page: str) -> None:
    path, results = Path(page), ROOT / "benchmarks" / "results"
    text = path.read_text()
    if Path(folder).is_dir():
        text = _replace(text, "fault matrix", table(read(Path(folder))))
    for name, write in (("soak", soak_table), ("restart", restart_table)):
        if (results / f"{name}.json").exists():
            text = _replace(text, name, write(results))
    path.write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
