"""The wheel holds the library alone, and the library needs no Dagster."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

_IMPORT_ALL = """
import pkgutil, sys
sys.path.insert(0, sys.argv[1])
import threadline_ops
assert threadline_ops.__file__.startswith(sys.argv[1]), threadline_ops.__file__
names = [m.name for m in pkgutil.walk_packages(threadline_ops.__path__, "threadline_ops.") if "__main__" not in m.name]
for name in names:
    __import__(name)
assert "dagster" not in sys.modules
from threadline_ops import sql
assert "delete" in sql.source("retention/delete_slice")
print(len(names))
"""


def test_the_wheel_imports_alone(tmp_path: Path):
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
        archive.extractall(tmp_path / "installed")
    assert {top for top in tops if not top.endswith(".dist-info")} == {"threadline_ops"}
    command = [sys.executable, "-c", _IMPORT_ALL, str(tmp_path / "installed")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30
