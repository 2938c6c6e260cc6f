"""paths: where things are. SECKILL_BUILD names another build directory than build/."""

import os
import pathlib
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SECKILL_BUILD", ROOT / "build")).resolve()


def program(name):
    """The built program of that name."""
    found = [path for path in BUILD.rglob(name) if path.is_file() and os.access(path, os.X_OK)]
    assert len(found) == 1, f"{name}: found {found} in {BUILD}; build first"
    return found[0]


def work_directory(prefix):
    """A new directory for data and logs; tools/test names its parent and cleans up there."""
    parent = os.environ.get("SECKILL_TEST_DIR")
    if parent:
        os.makedirs(parent, exist_ok=True)
    return pathlib.Path(tempfile.mkdtemp(prefix=prefix + "-", dir=parent))
