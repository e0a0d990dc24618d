from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cipherward.errors import StorageError
from cipherward.report import figures


def _summary(n_hospitals: int = 5, **changes: Any) -> dict[str, Any]:
    return {
        "title": "Readmission",
        "scheme": "quorum",
        "synthetic": True,
        "auroc_by_round": [0.48, 0.66, 0.70],
        "auroc_centralised_by_round": [0.48, 0.68, 0.71],
        "auroc_federated": 0.70,
        "auroc_centralised": 0.71,
        "auroc_best_possible": 0.74,
        "auroc_local": {f"hospital-{i:02d}": 0.6 + i / 1000 for i in range(1, n_hospitals + 1)},
    } | changes


def _texts(figure: Any) -> str:
    from matplotlib.text import Text

    figure.canvas.draw()
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def test_a_run_gets_two_png_images_and_the_same_ones_every_time(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    figures.draw(first, _summary())
    figures.draw(second, _summary())
    assert sorted(path.name for path in first.iterdir()) == ["accuracy.png", "hospitals.png"]
    for name in (figures.ACCURACY, figures.HOSPITALS):
        data = (first / name).read_bytes()
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        assert data == (second / name).read_bytes()


@pytest.mark.parametrize("make", [figures._accuracy, figures._hospitals])
def test_every_figure_says_which_scheme_ran_and_that_patients_are_synthetic(make: Any) -> None:
    shown = _texts(make(_summary(scheme="plain")))
    assert "SYNTHETIC DATA" in shown
    assert "scheme plain (no protection)" in shown
    assert "SYNTHETIC" not in _texts(make(_summary(synthetic=False)))


def test_figures_of_single_hospitals_are_marked_as_possible_in_a_simulation_only() -> None:
    assert "Simulation only" in _texts(figures._hospitals(_summary()))


@pytest.mark.parametrize("make", [figures._accuracy, figures._hospitals])
def test_a_ceiling_is_drawn_only_where_one_is_known(make: Any) -> None:
    assert "best possible (0.7400)" in _texts(make(_summary()))
    assert "best possible" not in _texts(make(_summary(auroc_best_possible=None)))


def test_fifty_hospitals_are_all_named_and_more_become_a_histogram() -> None:
    fifty, many = _texts(figures._hospitals(_summary(50))), _texts(figures._hospitals(_summary(51)))
    assert all(f"hospital-{i:02d}" in fifty for i in range(1, 51))
    assert "hospital-01" not in many
    assert "number of hospitals" in many


@pytest.mark.parametrize("make", [figures._accuracy, figures._hospitals])
def test_dollar_signs_and_long_names_are_plain_text(make: Any) -> None:
    local = {"St. $Mary$ \\frac{": 0.61, "x" * 200: 0.4}
    shown = _texts(make(_summary(title="A $100 study, \\alpha$ " * 20, auroc_local=local)))
    assert "A $100 study" in shown
    assert "x" * 200 not in shown


def test_a_study_that_stopped_early_has_a_shorter_federated_curve(tmp_path: Path) -> None:
    figures.draw(tmp_path, _summary(auroc_by_round=[0.5], auroc_centralised_by_round=[0.5, 0.6, 0.7]))


def test_an_untrained_model_that_would_squeeze_the_others_together_is_named_instead_of_drawn() -> None:
    far = _summary(auroc_by_round=[0.2, 0.70, 0.71], auroc_centralised_by_round=[0.2, 0.71, 0.72])
    assert "the untrained model, 0.200" in _texts(figures._accuracy(far))
    assert "untrained" not in _texts(figures._accuracy(_summary(auroc_by_round=[0.64, 0.66, 0.70])))


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        figures.draw(tmp_path / "file", _summary())


def test_drawing_needs_no_pyplot_and_importing_the_module_no_matplotlib(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from cipherward.report import figures\n"
        "assert 'matplotlib' not in sys.modules\n"
        f"figures.draw(pathlib.Path({str(tmp_path)!r}), {_summary()!r})\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
