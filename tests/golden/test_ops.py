"""Every operation equals PyTorch on the grid of cases, in value and in gradient."""

import collections
import functools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import ops
from tests.golden import make_ops, ops_cases
from tests.marks import mostly_slow

CASES = ops_cases.cases()
GROUPS = collections.defaultdict(list)
for _number, _case in enumerate(CASES):
    GROUPS[f"{_case[0]}-{len(_case[1]) - 2}"].append(_number)


MANY = 10


def always(number):
    """Say whether a case runs without `--slow`: three of every seven in the large groups."""
    op, shape, *_ = CASES[number]
    return len(GROUPS[f"{op}-{len(shape) - 2}"]) < MANY or number % 7 in (0, 2, 4)


@pytest.fixture(scope="module")
def golden():
    with np.load(pathlib.Path(__file__).with_name("ops.npz")) as file:
        return dict(file)


def run(case, arrays):
    op, _, size, options = case
    function = getattr(ops, op)
    if op.startswith("conv"):
        return function(*arrays, **options)
    return function(*arrays, size, **options)


def outputs(numbers, dtype, every=1):
    """Compute a group of cases in one program: compiling is what costs."""
    arrays = {n: ops_cases.inputs(n, CASES[n]) for n in numbers}
    arrays = jax.tree.map(lambda a: jnp.asarray(a, dtype), arrays)
    along = {n: ops_cases.directions(n, arrays[n]) for n in numbers[::every]}
    along = jax.tree.map(lambda a: jnp.asarray(a, dtype), along)

    def slope(n, arrays, along):
        gradients = jax.grad(lambda arrays: jnp.sin(run(CASES[n], arrays)).sum())(arrays)
        return jnp.stack([jnp.vdot(g, d) for g, d in zip(gradients, along, strict=True)])

    @functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    def everything(arrays, along):
        values = {n: run(CASES[n], arrays[n]) for n in arrays}
        return values, {n: slope(n, arrays[n], along[n]) for n in along}

    return everything(arrays, along)


def far(ours, theirs):
    """Return the largest difference relative to the largest value."""
    assert ours.shape == theirs.shape
    return np.abs(np.asarray(ours, np.float64) - theirs).max() / max(np.abs(theirs).max(), 1e-3)


def test_the_grid_is_large():
    assert len(CASES) >= 400


def options_of(numbers):
    """Return every value that an option, or the size of a window, has among the cases."""
    rows = [(np.ravel(CASES[n][2])[0], *CASES[n][3].items()) for n in numbers]
    return {value for row in rows for value in row}


def test_what_runs_always_has_every_option():
    for numbers in GROUPS.values():
        assert options_of(numbers) == options_of(filter(always, numbers))


@pytest.mark.parametrize("group", mostly_slow(GROUPS, [n for n in GROUPS if n[-1] == "2"]))
def test_float64(group, golden, x64):
    check_float64(list(filter(always, GROUPS[group])), golden)


@pytest.mark.slow
@pytest.mark.parametrize("group", [name for name in GROUPS if len(GROUPS[name]) >= MANY])
def test_float64_of_the_other_cases(group, golden, x64):
    check_float64([n for n in GROUPS[group] if not always(n)], golden)


def check_float64(numbers, golden):
    values, slopes = outputs(numbers, jnp.float64, every=4)
    off = [(far(y, golden[f"y{n}"]), CASES[n]) for n, y in values.items()]
    off += [(far(g, golden[f"g{n}"]), "gradient", CASES[n]) for n, g in slopes.items()]
    assert [row for row in off if row[0] > 1e-12] == []


@pytest.mark.parametrize("group", [name for name in GROUPS if name.endswith("2")])
def test_float32(group, golden):
    numbers = GROUPS[group][::3]
    values, slopes = outputs(numbers, jnp.float32, every=len(numbers))
    off = [(far(y, golden[f"y{n}"]), CASES[n]) for n, y in values.items()]
    assert [row for row in off if row[0] > 1e-5] == []
    assert all(far(g, golden[f"g{n}"]) < 1e-4 for n, g in slopes.items())


@pytest.mark.parity
def test_the_stored_references_are_what_pytorch_computes(golden):
    torch = pytest.importorskip("torch")
    for number, case in enumerate(CASES):
        arrays = [torch.tensor(a) for a in ops_cases.inputs(number, case)]
        assert far(make_ops.run(case, arrays).numpy(), golden[f"y{number}"]) < 1e-12
