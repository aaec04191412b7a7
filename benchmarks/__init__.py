"""Benchmarks: ours against peers and limits, interleaved in one run, reported as ratios."""
