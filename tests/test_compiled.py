"""Kernels as machine code: the IR is what their source gives, and what they do is what Python does."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import numpy as np
import pytest

from cipherward import compiled, native
from cipherward.crypto import _ntt, masks, packing, params, ring, sampling, shamir
from cipherward.crypto.params import SumParameters
from cipherward.data import forest
from cipherward.learning import elimination, linear, trees
from cipherward.privacy import discrete
from cipherward.study import Training

KEY = bytes(range(32))
ROOMS = ["crypto", "data", "learning", "privacy"]
SMALL = SumParameters(params.ring(32, 3), 5, 4, 16, 200)


@pytest.mark.thorough  # what the kernels of a changed source would do is compared with Python below
def test_the_ir_in_the_package_is_what_the_source_of_the_kernels_gives() -> None:
    from kernels import make

    if native.ir_of("crypto").splitlines()[1] != f"; {make.MADE_WITH}":
        pytest.skip("the IR was made with other versions")
    done = subprocess.run(
        [sys.executable, "-m", "kernels.make", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("room", ROOMS)
def test_the_ir_of_a_room_holds_its_kernels_calls_nothing_and_fuses_no_float(room: str) -> None:
    from kernels import make

    text = native.ir_of(room)
    for kernel in make.kernels_of(room):
        assert f"i64 @{kernel.symbol}(" in text
    assert make.problems(text) == []


@pytest.mark.parametrize(
    "line",
    [
        "declare i32 @system(ptr)",
        "@counter = internal global i64 0",
        "  %1 = fmul contract double %2, %3",
        "  %1 = fadd fast double %2, %3",
        "  %1 = call double @llvm.fmuladd.f64(double %2, double %3, double %4)",
        'target triple = "x86_64-unknown-linux-gnu"',
    ],
)
def test_ir_that_is_not_plain_is_refused(line: str) -> None:
    from kernels import make

    assert make.problems(f"{native.ir_of('data')}{line}\n")


def test_every_kernel_of_the_package_is_in_a_room_that_is_made() -> None:
    from kernels import make

    source = Path(compiled.__file__).parent
    assert list(make.ROOMS) == ROOMS
    using = {path for path in source.rglob("*.py") if "\n@kernel\n" in path.read_text("utf-8")}
    assert using == {source / room / f"{name}.py" for room, names in make.ROOMS.items() for name in names}


def a_sum() -> list[Any]:
    lanes = np.random.default_rng(1).integers(0, 2**16, 200, dtype=np.uint32)
    secret = sampling.centred_binomial(KEY, 32)
    update = ring.encrypt(SMALL, KEY, secret, KEY, lanes, n_threads=1)
    total = ring.zero_sum(SMALL)
    ring.add_payload(SMALL, total, update)
    ring.check_payload(SMALL, update)
    opened = ring.open_sum(SMALL, KEY, total, secret.astype(np.int64), 1, n_threads=1)
    assert np.array_equal(opened, lanes)
    return [
        update,
        opened,
        ring.fingerprint(SMALL, KEY, update, n_threads=1),
        ring.unpack_sum(SMALL, ring.pack_sum(SMALL, total)),
    ]


def shares() -> list[Any]:
    rng = np.random.default_rng(2)
    return [
        shamir.evaluate([1, 2, 3], rng.integers(0, modulus, (3, 40), dtype=np.uint32), [0, 5], modulus)
        for modulus in (65521, 2**31 - 1)
    ]


def sampled() -> list[Any]:
    rows = np.empty((3, 32), np.uint32)
    sampling.expand_uniform(sampling.Xof(KEY), SMALL.ring, 0, rows)
    found: list[Any] = [rows, sampling.centred_binomial(KEY, 32)]
    for bound in (65521, 2**31 - 1):
        found.append(np.empty(40, np.uint32))
        sampling.uniform_into(sampling.Xof(KEY), (0, 0), bound, found[-1])
    return found


def masked() -> list[Any]:
    found: list[Any] = []
    for bits in (7, 16, 23, 32):
        form = masks._Form(20, bits)
        words = np.random.default_rng(3).integers(0, 1 << bits, form.n_words, dtype=np.uint32)
        data = form.pack(words)
        total = words.copy()
        form.add(data, "it", total)
        found += [data, total]
    return found


class FixedWords:
    def take(self, n: int) -> Any:
        return np.random.default_rng(4).integers(0, 2**64, n, dtype=np.uint64)


def noise() -> list[Any]:
    return [discrete.gaussian(FixedWords(), stddev, 60) for stddev in (1, 3, 1000)]  # type: ignore[arg-type]


def regression() -> list[Any]:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(50, 7)).astype(np.float32), rng.integers(0, 2, 50, dtype=np.uint8)
    start = rng.normal(size=8).astype(np.float32)
    settings = Training(batch_size=16, local_epochs=2, momentum=0.9, weight_decay=0.01, proximal=0.1)
    module = linear.Linear(start)
    trained = linear.train(module, start, x, y, settings, 6, (0.7, 1.9))
    extremes = np.array([-800.0, -708.0, -707.9, -1e-300, -0.0, 0.0, 0.5, 40.0, 800.0])
    return [trained, linear.logits(trained, x), linear.sigmoid(extremes), linear.sigmoid(rng.normal(size=300) * 50)]


def boosted() -> list[Any]:
    rng = np.random.default_rng(7)
    bins = rng.integers(0, 6, (80, 4), dtype=np.uint16)
    roots, feature = np.array([0], np.int32), np.array([1, -1, -1], np.int32)
    left, right = np.array([1, -1, -1], np.int32), np.array([2, -1, -1], np.int32)
    goes_left = np.zeros((3, 6), np.bool_)
    goes_left[0, :3] = True
    nodes = (roots, feature, left, right, goes_left)
    slots, columns = np.array([-1, 0, 1], np.int32), np.arange(4, dtype=np.int32)[None]
    error, unsure = rng.normal(size=80), rng.random(80) + 0.5
    sums = trees.histograms(bins, error, unsure, [np.arange(80)], nodes, slots, columns, 2)
    is_numeric = np.array([[True, True, False, False]] * 2)
    missing = np.array([[-1, 5, -1, -1]] * 2, np.int32)
    split = trees.best_splits(sums, np.full((2, 4), 6, np.int32), is_numeric, missing, 2)
    found = np.empty((80, 1), np.int32)
    forest._leaves(bins, *nodes, np.array([-1, 0, 1], np.int32), found)
    return [sums.gradient, sums.curvature, sums.rows, split.gain, split.column, split.goes_left, *split.left, found]


def transforms() -> list[Any]:
    tables = _ntt.tables(SMALL.ring)
    x = np.random.default_rng(8).integers(0, 2**29, 32, dtype=np.uint32)
    _ntt.forward(x, np.empty_like(x), tables.primes[0], *(part[0] for part in tables.up))
    y = x.copy()
    _ntt.inverse(y, np.empty_like(y), tables.primes[0], *(part[0] for part in tables.down))
    return [x, y]


def equations() -> list[Any]:
    half = np.random.default_rng(7).normal(0, 1, (75, 70))
    return [elimination.solved(half.T @ half, half[0])]


WORKS = [
    (a_sum, ["_crt", "_kernels", "packing"]),
    (shares, ["shamir"]),
    (sampled, ["sampling"]),
    (masked, ["masks"]),
    (noise, ["discrete"]),
    (regression, ["linear"]),
    (boosted, ["forest", "trees"]),
    (equations, ["elimination"]),
    (transforms, ["_ntt"]),
]


@pytest.mark.parametrize(("work", "modules"), WORKS)
def test_machine_code_gives_the_same_bits_as_the_source_that_python_reads(
    work: Any, modules: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from kernels import make

    by_machine = work()
    called = set()

    def by_python(kernel: compiled.Kernel, *given: Any) -> Any:
        called.add(kernel.symbol)
        return kernel.function(*given)

    monkeypatch.setattr(compiled.Kernel, "__call__", by_python)
    with np.errstate(over="ignore", invalid="ignore"):
        found = work()
    every = {kernel.symbol for room in ROOMS for kernel in make.kernels_of(room)}
    assert called >= {symbol for symbol in every if symbol.split(".")[0] in modules}
    for one, two in zip(by_machine, found, strict=True):
        assert np.asarray(one).dtype == np.asarray(two).dtype
        assert np.asarray(one).tobytes() == np.asarray(two).tobytes()


def test_every_module_with_kernels_is_among_those_that_python_reads_too() -> None:
    from kernels import make

    read = [module for _, modules in WORKS for module in modules]
    assert sorted(read) == sorted(module for modules in make.ROOMS.values() for module in modules)


def packed(residues: Any, words: Any) -> None:
    packing._pack_rows(residues, words)


ROWS, WORDS = np.arange(64, dtype=np.uint32).reshape(2, 32), np.zeros((2, 30), np.uint32)


def unwritable() -> Any:
    words = WORDS.copy()
    words.flags.writeable = False
    return words


@pytest.mark.parametrize(
    ("residues", "words", "said"),
    [
        (ROWS.astype(np.int32), WORDS, "residues has to be an aligned, C-contiguous uint32"),
        (ROWS[:, ::2], WORDS, "residues"),
        (ROWS[0], WORDS, "residues"),
        (ROWS.tolist(), WORDS, "residues"),
        (None, WORDS, "residues"),
        (ROWS, WORDS.astype(np.uint64), "words"),
        (ROWS, unwritable(), r"words has to be .* that may be written"),
        (ROWS.astype(">u4"), WORDS, "residues"),
        (np.frombuffer(b"x" + ROWS.tobytes(), np.uint8)[1:].view(np.uint32).reshape(2, 32), WORDS, "residues"),
    ],
)
def test_what_is_not_the_array_that_a_kernel_wants_is_refused_before_it_is_read(
    residues: Any, words: Any, said: str
) -> None:
    with pytest.raises(TypeError, match=said):
        packed(residues, words)


def test_an_equal_dtype_and_a_memory_map_are_taken(tmp_path: Path) -> None:
    wanted = WORDS.copy()
    packed(ROWS, wanted)
    ROWS.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", np.uint32, "r", shape=(2, 32))
    other = np.dtype(np.uint32, metadata={"its": "own"})
    for residues in (mapped, ROWS.view(other)):
        found = WORDS.copy()
        packed(residues, found)
        assert np.array_equal(found, wanted)


def test_memory_like_an_array_s_is_refused_where_the_object_is_none() -> None:
    size = np.ndarray.__basicsize__
    memory = (ctypes.c_int64 * (size // 8)).from_buffer_copy(ctypes.string_at(id(ROWS), size))
    memory[0] = 1 << 20  # its reference count: nobody frees it
    memory[object.__basicsize__ // 8 - 1] = id(object)
    with pytest.raises(TypeError, match="residues"):
        packed(ctypes.cast(memory, ctypes.py_object).value, WORDS.copy())


def test_other_threads_go_on_while_a_kernel_runs() -> None:
    n = 100_000  # one tree that is a chain: no memory, and half a second
    feature, left = np.zeros(n, np.int32), np.arange(1, n + 1, dtype=np.int32)
    feature[-1] = -1
    bins, found = np.zeros((2_000, 1), np.uint16), np.empty((2_000, 1), np.int32)
    given = (bins, np.zeros(1, np.int32), feature, left, left, np.ones((n, 1), np.bool_), left, found)
    span = []

    def walk() -> None:
        span.append(perf_counter())
        forest._leaves(*given)
        span.append(perf_counter())

    forest._leaves(bins[:0], *given[1:-1], found[:0])  # compiled before
    thread, seen = threading.Thread(target=walk), []
    thread.start()
    while thread.is_alive():
        seen.append(perf_counter())
        sleep(0.001)
    quarter = (span[1] - span[0]) / 4
    assert any(span[0] + quarter < each < span[1] - quarter for each in seen)


def transformed_elsewhere(cache: Path) -> str:
    """What another process computes with this cache folder, and whether it compiled."""
    script = (
        "import sys; sys.modules['numba'] = None\n"
        "from cipherward import native\n"
        "made = []\n"
        "optimised = native._optimised\n"
        "native._optimised = lambda *given: made.append(1) or optimised(*given)\n"
        "from cipherward.learning import linear\n"
        "import numpy as np\n"
        "print(linear.sigmoid(np.array([1.0])).tobytes().hex(), len(made))\n"
    )
    environment = os.environ | {"CIPHERWARD_CACHE": str(cache)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    return done.stdout


def test_machine_code_is_made_once_again_when_it_was_damaged_and_always_where_nothing_can_be_kept(
    tmp_path: Path,
) -> None:
    """And numba is not there: users do not have it."""
    found = linear.sigmoid(np.array([1.0])).tobytes().hex()
    assert transformed_elsewhere(tmp_path) == f"{found} 1\n"
    assert transformed_elsewhere(tmp_path) == f"{found} 0\n"
    [file] = (tmp_path / "kernels").iterdir()
    file.write_bytes(file.read_bytes()[:-1000])
    assert transformed_elsewhere(tmp_path) == f"{found} 1\n"
    assert transformed_elsewhere(tmp_path) == f"{found} 0\n"
    (tmp_path / "a file").touch()
    assert transformed_elsewhere(tmp_path / "a file") == f"{found} 1\n"


def test_machine_code_of_other_ir_and_for_another_processor_is_kept_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import llvmlite.binding as llvm

    monkeypatch.setenv("CIPHERWARD_CACHE", str(tmp_path))
    ir = native.ir_of("data")
    monkeypatch.setattr(native, "ir_of", lambda room: ir)
    changes: list[Callable[[], None]] = [
        lambda: None,
        lambda: monkeypatch.setattr(llvm, "get_host_cpu_name", lambda: "generic"),
        lambda: monkeypatch.setattr(llvm, "get_host_cpu_features", llvm.FeatureMap),
        lambda: monkeypatch.setattr(native, "ir_of", lambda room: f"{ir}; other\n"),
    ]
    for n_files, change in enumerate(changes, start=1):
        change()
        native._engine.__wrapped__("data")
        assert len(list((tmp_path / "kernels").iterdir())) == n_files


def test_nothing_is_left_of_machine_code_that_could_not_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIPHERWARD_CACHE", str(tmp_path))
    taken = tmp_path / "kernels" / "its name"
    taken.mkdir(parents=True)
    native._keep(taken.name, b"code")
    assert list(taken.parent.iterdir()) == [taken]
