"""The two figures of a run: accuracy over rounds, and what each hospital would have reached alone.

They are drawn from result.json's facts alone. Colours are those of Okabe and Ito (2008), told apart by all readers;
lines also differ in dash and marker.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cipherward.store import files

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACCURACY, HOSPITALS = "accuracy.png", "hospitals.png"

_FEDERATED, _CENTRALISED, _BEST, _LOCAL = "#0072B2", "#D55E00", "#009E73", "#B8C4CE"
_INK, _FAINT = "#222222", "#666666"
_WIDTH, _DPI = 7.2, 150
_MAX_BARS, _MAX_VALUES, _MAX_NAME = 50, 25, 28
_CHANCE, _MIN_SPAN = 0.5, 0.03


def draw(path: Path, summary: Mapping[str, Any]) -> None:
    """Write accuracy.png and hospitals.png into the folder `path`.

    Args:
        path: a run directory.
        summary: result.json. Used: title, scheme, synthetic, auroc_by_round (model at the start of each round, then the
            final one), auroc_centralised_by_round, auroc_local (by hospital), auroc_federated, auroc_centralised,
            auroc_best_possible (or None).

    Raises:
        StorageError: a file cannot be written.
    """
    files.write(path / ACCURACY, _png(_accuracy(summary)))
    files.write(path / HOSPITALS, _png(_hospitals(summary)))


def _accuracy(summary: Mapping[str, Any]) -> Figure:
    from matplotlib.ticker import MaxNLocator

    figure, axes = _page(
        summary,
        4.9,
        "Test AUROC of the federated model before the first round and after each round, against one model "
        "trained on all hospitals' rows pooled.",
    )
    federated, pooled = summary["auroc_by_round"], summary["auroc_centralised_by_round"]
    _curve(axes, federated, _FEDERATED, "o", "-", f"federated (last {summary['auroc_federated']:.4f})")
    _curve(axes, pooled, _CENTRALISED, "s", "--", f"centralised, rows pooled (last {summary['auroc_centralised']:.4f})")
    _best(axes, summary, axes.axhline)
    _look_closer(axes, summary)
    axes.set_xlabel("training rounds done", color=_INK)
    axes.set_ylabel("AUROC on the pooled test rows", color=_INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(figure, axes)
    return figure


def _hospitals(summary: Mapping[str, Any]) -> Figure:
    from matplotlib.ticker import MaxNLocator

    local: Mapping[str, float] = summary["auroc_local"]
    bars = len(local) <= _MAX_BARS
    figure, axes = _page(
        summary,
        max(3.6, 2.3 + 0.19 * len(local)) if bars else 4.9,
        "Test AUROC of the model that each hospital trains on its own rows alone, against the federated and the "
        "centralised model, all on the same pooled test rows.",
        "Simulation only: a real coordinator has no figures of a single hospital.",
    )
    if bars:
        _bars(axes, local)
    else:
        axes.hist(list(local.values()), bins=min(40, len(local) // 4), color=_LOCAL, label="hospitals alone")
        axes.set_ylabel("number of hospitals", color=_INK)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.axvline(summary["auroc_federated"], color=_FEDERATED, lw=2.6, label=_value(summary, "federated"))
    axes.axvline(
        summary["auroc_centralised"], color=_CENTRALISED, lw=1.6, ls="--", label=_value(summary, "centralised")
    )
    _best(axes, summary, axes.axvline)
    axes.set_xlabel("AUROC on the pooled test rows", color=_INK)
    _legend(figure, axes)
    return figure


def _bars(axes: Axes, local: Mapping[str, float]) -> None:
    # Bars begin at chance, so that their length means something.
    order = sorted(local, key=lambda name: local[name])
    values = [local[name] for name in order]
    places = range(len(order))
    axes.barh(places, [v - _CHANCE for v in values], left=_CHANCE, height=0.72, color=_LOCAL, label="hospital alone")
    names = [name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…" for name in order]
    axes.set_yticks(places, names, fontsize=9 if len(order) <= _MAX_VALUES else 7.5, parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_ylim(-0.6, len(order) - 0.4)
    if len(order) > _MAX_VALUES:
        return
    for place, value in zip(places, values, strict=True):
        inside = value - _CHANCE > 0.02
        axes.annotate(
            f"{value:.3f}",
            (value if inside else max(value, _CHANCE), place),
            xytext=(-4 if inside else 4, 0),
            textcoords="offset points",
            va="center",
            ha="right" if inside else "left",
            fontsize=8,
            color=_INK,
        )


def _page(summary: Mapping[str, Any], height: float, caption: str, note: str = "") -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    # Titles and names are the user's text: a dollar sign in them is no formula.
    title = textwrap.fill(str(summary["title"]) or "Study", 68, max_lines=2, placeholder=" …")
    axes.set_title(title, loc="left", pad=23, fontsize=11.5, fontweight="bold", color=_INK, parse_math=False)
    _beside(axes, _facts(summary), (0, 1), (0, 7))
    below = [textwrap.fill(caption, 105), *([note] if note else [])]
    figure.supxlabel("\n".join(below), x=0.015, ha="left", fontsize=8, color=_FAINT, linespacing=1.35)
    axes.grid(axis="both", color="#E5E5E5", lw=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9, colors=_INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _facts(summary: Mapping[str, Any]) -> str:
    protection = " (no protection)" if summary["scheme"] == "plain" else ""
    data = "SYNTHETIC DATA: no real patients" if summary["synthetic"] else "not synthetic data"
    return f"{data}   |   {len(summary['auroc_local'])} hospitals   |   scheme {summary['scheme']}{protection}"


def _curve(axes: Axes, values: Sequence[float | None], colour: str, marker: str, dash: str, label: str) -> None:
    markers = marker if len(values) <= 40 else ""
    known = [float("nan") if value is None else value for value in values]
    axes.plot(range(len(values)), known, color=colour, marker=markers, ms=4.5, lw=2, ls=dash, label=label)


def _look_closer(axes: Axes, summary: Mapping[str, Any]) -> None:
    """Leave the untrained model below the picture, and say so, where it would squeeze all trained ones together."""
    untrained = summary["auroc_by_round"][0]
    trained = [*summary["auroc_by_round"][1:], *summary["auroc_centralised_by_round"][1:]]
    trained = [value for value in trained if value is not None]
    if not trained or untrained is None:
        return
    top = max(*trained, summary["auroc_best_possible"] or 0.0)
    span = max(top - min(trained), _MIN_SPAN)
    middle = (top + min(trained)) / 2
    if untrained > middle - 2 * span:
        return
    axes.set_ylim(middle - 0.75 * span, middle + 0.6 * span)
    _beside(axes, f"below the picture: the untrained model, {untrained:.3f}", (1, 0), (-6, 6), ha="right")


def _best(axes: Axes, summary: Mapping[str, Any], line: Any) -> None:
    if summary["auroc_best_possible"] is not None:
        line(summary["auroc_best_possible"], color=_BEST, lw=1.6, ls=":", label=_value(summary, "best_possible"))


def _value(summary: Mapping[str, Any], key: str) -> str:
    return f"{key.replace('_', ' ')} ({summary[f'auroc_{key}']:.4f})"


def _beside(
    axes: Axes,
    text: str,
    place: tuple[float, float],
    points: tuple[float, float],
    ha: Literal["left", "right"] = "left",
) -> None:
    axes.annotate(
        text,
        place,
        points,
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=9,
        color=_FAINT,
        ha=ha,
        va="bottom",
    )


def _legend(figure: Figure, axes: Axes) -> None:
    from matplotlib.transforms import ScaledTranslation

    below = axes.transAxes + ScaledTranslation(0, -40 / 72, figure.dpi_scale_trans)
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=below,
        ncols=2,
        frameon=False,
        fontsize=9,
        labelcolor=_INK,
        borderaxespad=0,
    )


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
