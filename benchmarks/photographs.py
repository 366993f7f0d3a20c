"""Real photographs in the wheels of Foolbox (20 of ImageNet), scikit-image and scikit-learn."""

import importlib.util
from pathlib import Path

HINT = "python -m pip install --no-deps foolbox scikit-image scikit-learn"
OTHERS = {
    "skimage": ("data/chelsea.png", "data/coffee.png"),
    "sklearn": ("datasets/images/china.jpg", "datasets/images/flower.jpg"),
}


def photographs() -> list[Path]:
    """Return their files, or leave with what to install."""
    found = sorted((folder("foolbox") / "data").glob("imagenet_*"))
    found += [folder(package) / name for package, names in OTHERS.items() for name in names]
    missing = [path.name for path in found if not path.exists()]
    if missing or len(found) < 20:
        raise SystemExit(f"photographs are missing {missing}: {HINT}")
    return found


def folder(package: str) -> Path:
    """Return where a package lies, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"the photographs of {package} are not here: {HINT}")
    return Path(spec.submodule_search_locations[0])
