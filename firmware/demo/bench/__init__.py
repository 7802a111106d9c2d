"""``outpost bench main-path``: speed and size of the main path against their targets."""

from firmware.demo.bench.main import bench_main_path

__all__ = ["bench_main_path"]
