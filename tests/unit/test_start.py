"""What a command costs before it does anything: asking for help must not load a database driver or Arrow."""

import subprocess
import sys


def test_the_command_line_loads_nothing_heavy_for_its_help():
    script = "import sys, threadline_ops.cli; print(sorted({'pyarrow', 'pandas', 'psycopg', 'numpy', 'dagster'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
