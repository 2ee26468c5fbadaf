"""The process tree, with a part that everybody has: Python's own web server."""

import subprocess
import sys
from pathlib import Path

import psutil

from hub.demo.run import free_ports
from hub.supervise import Part, Supervisor
from hub.up import wait_until_up


def web(folder: Path, port: int) -> Part:
    return Part("web", ["http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)])


def test_what_dies_is_started_again_and_ends_with_the_tree(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    part = web(tmp_path, port)
    with Supervisor([part], environment={}, logs=tmp_path / "logs") as supervisor:
        wait_until_up(f"http://127.0.0.1:{port}/")
        assert part.process is not None
        first = part.process.pid
        assert supervisor.kill("web")
        wait_until_up(f"http://127.0.0.1:{port}/")
        second = part.process.pid
    assert part.starts == 2
    assert first != second
    assert not psutil.pid_exists(first or 0)
    assert not psutil.pid_exists(second or 0)
    assert (tmp_path / "logs/web.log").read_text().count('"GET / HTTP') >= 2


def test_parts_are_started_again_when_the_process_that_forks_them_is_killed(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    part = web(tmp_path, port)
    with Supervisor([part], environment={}, logs=tmp_path / "logs"):
        wait_until_up(f"http://127.0.0.1:{port}/")
        assert part.process is not None
        first = psutil.Process(part.process.pid)
        server = first.parent()
        assert server is not None
        server.kill()
        first.wait(timeout=20)
        wait_until_up(f"http://127.0.0.1:{port}/")
    assert part.starts >= 2


TREE = """
import sys, threading
from pathlib import Path
from hub.supervise import Part, Supervisor

if __name__ == "__main__":
    parts = [Part("part", ["part"])]
    with Supervisor(parts, environment={}, logs=Path(sys.argv[1])):
        print(parts[0].process.pid, flush=True)
        threading.Event().wait()
"""

PART = """
import threading

threading.Event().wait()
"""


def test_no_part_outlives_whoever_started_it(tmp_path: Path) -> None:
    (tmp_path / "tree.py").write_text(TREE)
    (tmp_path / "part.py").write_text(PART)
    command = [sys.executable, str(tmp_path / "tree.py"), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tree:
        assert tree.stdout is not None
        part = psutil.Process(int(tree.stdout.readline()))
        server = part.parent()
        assert server is not None
        tree.kill()
        _, left = psutil.wait_procs([part, server], timeout=20)
    assert not left
