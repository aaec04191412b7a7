"""`python -m threadline_ops` is `threadline-ops`."""

from threadline_ops.cli import main

main()
