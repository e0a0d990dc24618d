"""Quorum arithmetic: who may be missing, who may be corrupt, and how many must agree.

With n hospitals, a threshold t, f corrupt hospitals that collude with the coordinator and d drop-outs, a sum is safe
and live when f < t <= n - d, 2t > n + f, and f + 2 <= min_contributors <= n - d. The second condition makes any two
sets of t votes share an honest hospital, so that at most one manifest of an attempt at a sum is ever certified, and none of a void one.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_ALL_TO_ALL = 50


@dataclass(frozen=True)
class Thresholds:
    """The agreed numbers of one study. All counts are hospitals."""

    n_hospitals: int
    threshold: int
    corrupt: int
    dropouts: int
    min_contributors: int

    def problems(self) -> tuple[str, ...]:
        """What breaks the arithmetic, one sentence each; empty when the choice is sound."""
        n, t, f, d, m = self.n_hospitals, self.threshold, self.corrupt, self.dropouts, self.min_contributors
        found = []
        if n < 3:
            found.append(
                f"{n} hospital(s): a sum over two tells each the other's update by subtraction; at least 3 are needed"
            )
            return tuple(found)
        if f < 1:
            found.append("corrupt must be at least 1: otherwise any one hospital with the coordinator opens updates")
        if not f < t:
            found.append(f"threshold {t} must exceed corrupt {f}: otherwise the corrupt ones alone open every update")
        if not t <= n - d:
            found.append(f"threshold {t} cannot be reached when {d} of {n} hospitals drop out (at most {n - d})")
        if not 2 * t > n + f:
            found.append(
                f"2 x threshold {t} must exceed {n} + corrupt {f}: otherwise two manifests of one sum can be certified"
            )
        if not f + 2 <= m:
            found.append(
                f"min_contributors {m} must be at least corrupt + 2 = {f + 2}: one honest update must not stand alone"
            )
        if not m <= n - d:
            found.append(f"min_contributors {m} cannot be reached when {d} of {n} hospitals drop out (at most {n - d})")
        return tuple(found)

    def warnings(self) -> tuple[str, ...]:
        """True but harmless-looking facts that a person should read before the study starts."""
        found = []
        if self.dropouts == 0 and self.n_hospitals >= 3:
            found.append(
                f"with {self.n_hospitals} hospitals no drop-out is possible: one missing hospital stops the sum"
            )
        if self.n_hospitals > MAX_ALL_TO_ALL:
            found.append(
                f"{self.n_hospitals} hospitals: every one holds a share of every other, traffic grows with the square; "
                f"above {MAX_ALL_TO_ALL} this is for simulation only"
            )
        return tuple(found)

    def explain(self, *, is_shared: bool = True) -> str:
        """What the choice gives, in one paragraph for people.

        `is_shared`: hospitals hold shares of what opens an update; elsewhere nothing is said of when it stays closed.
        """
        missing = (
            f"goes on with {self.dropouts} missing that have sent their update or agreed to be singled out"
            if self.dropouts
            else "waits as soon as one is missing"
        )
        colluding = "hospital colludes" if self.corrupt == 1 else "hospitals collude"
        closed = f"an update stays closed while at most {self.corrupt} {colluding} with the coordinator; "
        return (
            f"{self.n_hospitals} hospitals: {self.threshold} must agree before a sum is opened; the study {missing}; "
            f"{closed if is_shared else ''}no sum over fewer than {self.min_contributors} hospitals is opened."
        )


def derive(
    n_hospitals: int,
    *,
    threshold: int | None = None,
    corrupt: int | None = None,
    dropouts: int | None = None,
    min_contributors: int | None = None,
) -> Thresholds:
    """Fill what the study leaves open: t = floor(2n/3) + 1, then the most drop-outs and corruption it allows."""
    t = (2 * n_hospitals) // 3 + 1 if threshold is None else threshold
    d = max(n_hospitals - t, 0) if dropouts is None else dropouts
    f = max(min(2 * t - n_hospitals - 1, n_hospitals - d - 2, t - 1), 0) if corrupt is None else corrupt
    m = f + 2 if min_contributors is None else min_contributors
    return Thresholds(n_hospitals, t, f, d, m)
