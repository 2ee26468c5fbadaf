"""`python -m bench [--json]`: every benchmark, each in a process of its own."""

import subprocess
import sys

BENCHMARKS = ("ingest", "latency", "mappings", "clients")

for name in BENCHMARKS:
    subprocess.run([sys.executable, "-m", f"bench.{name}", *sys.argv[1:]], check=True)
