"""What a user gets from the wheel."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_wheel_contains_the_library_and_nothing_else(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"jaxcnn"}
    assert "jaxcnn/models/registry.py" in names
    assert {"weights.csv", "imagenet1k.txt"} <= {name.rpartition("/")[2] for name in names}
    assert any(name.endswith("licenses/LICENSE") for name in names)
