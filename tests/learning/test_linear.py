from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from tests.learning.test_sgd import logistic_network, rows

from cipherward.errors import DataError
from cipherward.learning import linear, models, sgd
from cipherward.study import Model, Training

SETTINGS = [
    {},
    {"momentum": 0.9},
    {"weight_decay": 0.1},
    {"proximal": 0.7},
    {"momentum": 0.5, "weight_decay": 0.01, "proximal": 0.1},
]


@pytest.mark.parametrize("extra", SETTINGS)
@pytest.mark.parametrize(("n", "n_features"), [(600, 9), (301, 1), (1, 4), (997, 126)])
def test_compiled_training_gives_torchs_weights_from_the_same_minibatches(
    n: int, n_features: int, extra: dict[str, float]
) -> None:
    x, y = rows(n, n_features)
    settings = Training(local_epochs=3, batch_size=32, learning_rate=0.1, **extra)  # type: ignore[arg-type]
    module = models.build(Model(), n_features, seed=1)
    network, start = logistic_network(n_features)
    compiled, oracle = (sgd.train(each, start, x, y, settings, seed=5) for each in (module, network))
    assert np.allclose(compiled, oracle, rtol=5e-7, atol=2e-7)
    assert np.allclose(sgd.scores(module, oracle, x), sgd.scores(network, oracle, x), atol=2e-7)
    assert sgd.mean_loss(module, oracle, x, y) == pytest.approx(sgd.mean_loss(network, oracle, x, y), rel=1e-6)


@pytest.mark.parametrize("n", [1, 2, 5, 1_000, 70_001])
@pytest.mark.parametrize("seed", [0, 1, 2**32 + 7, 2**63 - 1])
def test_rows_are_shuffled_as_torch_shuffles_them(n: int, seed: int) -> None:
    shuffles, source = linear.Shuffles(seed), torch.Generator().manual_seed(seed)
    for _ in range(3):
        assert np.array_equal(shuffles.next(n), torch.randperm(n, generator=source).numpy())


def test_the_sigmoid_is_exact_to_the_last_bits_and_keeps_what_is_no_number() -> None:
    z = np.concatenate([np.linspace(-707, 707, 20_001), np.linspace(-2, 2, 20_001), [0.0, -0.0, 1e-300]])
    found = linear.sigmoid(z)
    exact = np.array([1 / (1 + math.exp(-v)) if v >= 0 else math.exp(v) / (1 + math.exp(v)) for v in z])
    assert np.allclose(found, exact, rtol=1e-15, atol=0)
    odd = linear.sigmoid(np.array([np.inf, -np.inf, 1e300, -1e300, np.nan]))
    assert odd[:4].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert np.isnan(odd[4])


def test_trained_weights_are_the_same_bits_on_every_machine() -> None:
    n, n_features = 64, 5
    x = (np.arange(n * n_features, dtype=np.int64).reshape(n, n_features) * 37 % 101 / 50.0 - 1.0).astype(np.float32)
    y = (np.arange(n) * 13 % 7 < 3).astype(np.int8)
    module = models.build(Model(), n_features, seed=1)
    settings = Training(local_epochs=4, batch_size=10, learning_rate=0.5, momentum=0.5, weight_decay=0.01, proximal=0.1)
    found = sgd.train(module, models.flatten(module), x, y, settings, seed=2)
    assert found.astype("<f4").tobytes().hex() == "346bff3d864e45be600609be3ed2bcbd925442be62fe0abe"


def test_rows_of_another_width_are_refused_before_a_kernel_reads_them() -> None:
    x, y = rows(20, 3)
    module = models.build(Model(), 4, seed=1)
    start = models.flatten(module)
    with pytest.raises(DataError, match="rows of 4 features"):
        sgd.train(module, start, x, y, Training(batch_size=256), seed=0)
    with pytest.raises(DataError, match="rows of 4 features"):
        sgd.scores(module, start, x)


def test_a_study_of_a_linear_model_never_imports_torch(tmp_path: object) -> None:
    script = (
        "import sys, pathlib, cipherward\n"
        "from cipherward.report import page\n"
        "study = cipherward.load_builtin_study('breast-cancer').with_overrides(training={'rounds': 1})\n"
        "run = cipherward.run_study(study, out=pathlib.Path(sys.argv[1]) / 'run')\n"
        "page.write(run.path)\n"
        "cipherward.verify_run(run.path)\n"
        "heavy = {'torch', 'dp_accounting', 'opacus', 'nats'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
