import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis

from hub.embedded import embedded_servers
from hub.keys import api_token, sealing_key

OWNER = """
import sys, time
from pathlib import Path
from hub.embedded import embedded_servers
with embedded_servers(Path(sys.argv[1])) as servers:
    print(servers.database_url, flush=True)
    print(servers.redis_url, flush=True)
    time.sleep(600)
"""


def _sql(url: str, statement: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(run())


def _until(reached: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not reached():
        assert time.monotonic() < deadline
        pause.wait(0.05)


def test_the_data_survives_an_orderly_stop_a_killed_owner_and_a_killed_server(open_folder: Path) -> None:
    data = open_folder / "embedded"
    with embedded_servers(data) as servers:
        _sql(servers.database_url, "CREATE TABLE kept AS SELECT 1 AS number")
    assert not _servers_of(data)

    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(data)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    database_url, redis_url = (owner.stdout.readline().strip() for _ in range(2))
    _sql(database_url, "INSERT INTO kept VALUES (2)")
    with redis.Redis.from_url(redis_url) as client:
        assert client.ping()
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    assert _servers_of(data), "they run on without their owner"

    with embedded_servers(data) as servers:
        assert _sql(servers.database_url, "SELECT count(*) FROM kept") == 2
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.ping()
        postmaster = int((data / "postgres" / "postmaster.pid").read_text().split()[0])
        _sql(servers.database_url, "INSERT INTO kept VALUES (3)")
        os.kill(postmaster, signal.SIGKILL)
        _until(lambda: not psutil.pid_exists(postmaster) or psutil.Process(postmaster).status() == "zombie")
    (data / "postgres" / ".handle_pids.json").write_text('[1, "cut')

    with embedded_servers(data) as servers:
        assert _sql(servers.database_url, "SELECT count(*) FROM kept") == 3
    assert not _servers_of(data)


def test_a_killed_server_is_started_again(open_folder: Path) -> None:
    data = open_folder / "kept-up"
    with embedded_servers(data) as servers, redis.Redis.from_url(servers.redis_url) as client:
        _sql(servers.database_url, "CREATE TABLE kept AS SELECT 1 AS number")
        first = _servers_of(data)
        for pid_file in (data / "postgres" / "postmaster.pid", data / "valkey" / "valkey.pid"):
            os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)

        def answer() -> bool:
            with suppress(OSError, asyncpg.PostgresError, redis.RedisError):
                return bool(client.ping()) and _sql(servers.database_url, "SELECT number FROM kept") == 1
            return False

        _until(answer, seconds=60)
        assert not set(first) & set(_servers_of(data))
    assert not _servers_of(data)


PROCESS_ONE = """
import ctypes, os, signal, sys
from pathlib import Path

import psutil

from hub.embedded import embedded_servers

PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
data = Path(sys.argv[1])
with embedded_servers(data) as servers:
    pid = int((data / "postgres" / "postmaster.pid").read_text().split()[0])
    assert psutil.Process(pid).ppid() == os.getpid()
    print(servers.database_url, flush=True)
    os.kill(pid, signal.SIGKILL)
    print("killed", flush=True)
    sys.stdin.read()
"""


def test_a_killed_database_is_started_again_by_process_1_of_a_container(open_folder: Path) -> None:
    """Which inherits the server, so that the dead one is its own child."""
    data = open_folder / "process-one"
    command = [sys.executable, "-c", PROCESS_ONE, str(data)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) as owner:
        assert owner.stdout is not None
        database_url, killed = (owner.stdout.readline().strip() for _ in range(2))
        assert killed == "killed"

        def answer() -> bool:
            with suppress(OSError, asyncpg.PostgresError):
                return _sql(database_url, "SELECT 1") == 1
            return False

        _until(answer, seconds=60)
        owner.communicate("")
    assert owner.returncode == 0


def _servers_of(data: Path) -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline", "name"]):
        words = " ".join(process.info["cmdline"] or [])
        if str(data) in words and process.info["name"] in ("postgres", "valkey-server"):
            found.append(process.pid)
    return found


@pytest.mark.parametrize("make", [sealing_key, api_token])
def test_those_that_start_together_end_up_with_one_secret(
    make: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GUANTONG_KEY", raising=False)
    monkeypatch.delenv("GUANTONG_API_TOKEN", raising=False)
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(make, [tmp_path / "new"] * 64))
    assert len(found) == 1
    (kept,) = (tmp_path / "new").iterdir()
    assert kept.stat().st_mode & 0o077 == 0
