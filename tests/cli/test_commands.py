"""The command line as docs/command-line.md has it: exit codes, one line on standard error, never a traceback."""

import configparser
import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from app import main
from gateway.core.data_dir import DataDir
from tests.conftest import PROJECT, LiveGateway, wait_until

PASSWORD = "yet another horse staple"
UNIT = PROJECT / "packaging" / "linux" / "user-api-gateway.service"


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    returncode: int
    stdout: str
    stderr: str


def app(*arguments: str, stdin: str = "", **environment: str) -> Done:
    """Runs `app.py` to its end, without the start of a process."""
    ran = CliRunner().invoke(main, arguments, input=stdin, env=environment, prog_name="app.py")
    return Done(ran.exit_code, ran.stdout, ran.stderr)


def real_app(*arguments: str) -> Done:
    """Runs `app.py` as a process, as `serve` has to be."""
    done = subprocess.run(
        [sys.executable, "app.py", *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def assert_one_line(done: Done, code: int, *words: str) -> None:
    """It failed with this code and one line that holds these words."""
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in lines[0]


@contextmanager
def serving(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`app.py serve`, ended like Ctrl-C; gives the process and its ready line."""
    process = subprocess.Popen(
        [sys.executable, "app.py", "serve", *options],
        cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


@pytest.mark.parametrize(
    "arguments",
    [("--nonsense",), ("serve", "--nonsense"), ("nonsense",), ("serve", "--port", "x"), ("serve", "--port", "70000"),
     ("token", "create"), ("token", "revoke", "no-id"), ("user", "create"), ("model", "pull"),
     ("node", "--concurrency", "0"), ("node", "--label", "north"),
     ("node", "--label", "a=\udcff"), ("node", "--name", "\udcff")],
    ids=" ".join,
)  # fmt: skip
def test_bad_usage_is_2(arguments: tuple[str, ...]) -> None:
    assert_one_line(app(*arguments), 2, "Error: ", "--help")


def test_help_is_0_and_names_every_command() -> None:
    done = app("--help")
    assert done.returncode == 0
    for name in ("serve", "node", "token", "user", "key", "model", "doctor", "mcp", "openapi"):
        assert re.search(rf"^\s+{name}\b", done.stdout, re.MULTILINE), name


def test_a_second_gateway_on_the_directory_is_3_and_names_the_first(live_gateway: LiveGateway) -> None:
    done = real_app("serve", "--port", "0", "--data-dir", str(live_gateway.data_dir))
    assert live_gateway.process is not None
    assert_one_line(done, 3, str(live_gateway.process.pid), live_gateway.url, str(live_gateway.data_dir))
    assert done.stdout == ""


def test_the_service_waits_while_another_gateway_runs_and_follows_it(tmp_path: Path) -> None:
    """systemd would start it again and again for ever where it ended with 3."""
    unit = configparser.ConfigParser(interpolation=None)
    unit.read(UNIT, "utf-8")
    words = unit["Service"]["ExecStart"].split()[1:]
    options = ("--no-node", "--port", "0", "--data-dir", str(tmp_path))
    with serving(*options) as (first, _):
        service = subprocess.Popen(
            [sys.executable, "app.py", *words, *options],
            cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert service.stdout is not None
            assert service.stderr is not None
            assert f"process {first.pid} " in service.stderr.readline()
            first.send_signal(signal.SIGTERM)
            assert first.wait(timeout=15) == 0
            assert service.stdout.readline().startswith("gateway ready at ")
        finally:
            service.send_signal(signal.SIGINT)
            _, complained = service.communicate(timeout=20)
    assert service.returncode == 0
    assert "Traceback" not in complained


def test_a_taken_port_is_4_and_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_one_line(real_app("serve", "--port", port, "--data-dir", str(tmp_path)), 4, port, "--port")


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("postgresql://nobody:hidden-secret@127.0.0.1:1/none", "cannot be reached"),
        ("mysql://localhost/x", "mysql"),
        ("not a url", "postgresql://"),
        ("", "postgresql://"),
        ("postgresql://[::1", "postgresql://"),
        ("postgresql://host:port/x", "postgresql://"),
        ("postgresql://me:hidden-secret@127.0.0.1:1/x?tiemout=1", "tiemout"),
    ],
)
def test_a_database_url_that_does_not_work_is_4(tmp_path: Path, url: str, word: str) -> None:
    done = app("token", "list", "--data-dir", str(tmp_path), "--database-url", url)
    assert_one_line(done, 4, word)
    assert "hidden-secret" not in done.stderr
    assert "hidden-secret" not in "".join(path.read_text() for path in tmp_path.rglob("*.log"))


def test_a_data_directory_that_cannot_be_one_is_4(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert_one_line(real_app("serve", "--port", "0", "--data-dir", str(file)), 4, str(file), "--data-dir")
    assert_one_line(app("token", "list", "--data-dir", "/proc/gateway"), 4, "--data-dir")
    assert_one_line(app("token", "list", "--data-dir", str(file)), 4, str(file), "--data-dir")
    round_and_round = tmp_path / "round"
    round_and_round.symlink_to(round_and_round)
    for nowhere in (str(round_and_round), "~nobody-of-that-name/x"):
        assert_one_line(app("token", "list", "--data-dir", nowhere), 4, nowhere, "--data-dir")
    assert_one_line(app("node", "--data-dir", "/proc/gateway"), 4, "--data-dir")


def test_a_data_directory_of_another_user_is_4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(data_dir: DataDir) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(DataDir, "published", refuse)
    assert_one_line(app("token", "list", "--data-dir", str(tmp_path)), 4, "belongs to another user")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("port = ", "config.toml"),
        ('port = "many"', "port"),
        ("prot = 1", "prot"),
        ("body_limit_bytes = 1", "body_limit_bytes"),
        ('log_level = "loud"', "log_level"),
        ("\x00", "config.toml"),
    ],
)
def test_a_bad_config_file_is_4_and_names_the_setting(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    assert_one_line(app("token", "list", "--data-dir", str(tmp_path)), 4, word)


def test_a_config_file_that_is_no_text_is_4(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    assert_one_line(app("token", "list", "--data-dir", str(tmp_path)), 4, "config.toml")


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [("GATEWAY_PORT", "x", "port"), ("GATEWAY_ALLOWED_HOSTS", "example.com", 'GATEWAY_ALLOWED_HOSTS=["')],
)
def test_a_bad_environment_variable_is_4(tmp_path: Path, name: str, value: str, word: str) -> None:
    assert_one_line(app("token", "list", "--data-dir", str(tmp_path), **{name: value}), 4, word)


def test_serve_without_a_node_on_a_free_port_stops_cleanly(tmp_path: Path) -> None:
    with serving("--no-node", "--port", "0", "--data-dir", str(tmp_path)) as (process, line):
        ready = re.fullmatch(r"gateway ready at (http://127\.0\.0\.1:\d+)\n", line)
        assert ready
        url = ready[1]
        assert httpx.get(url + "/healthz", trust_env=False).status_code == 200
        assert httpx.get(url + "/readyz", trust_env=False).status_code == 503
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
        assert time.monotonic() - started < 10
        assert process.stderr is not None
        assert "lost the database" not in process.stderr.read()
    wait_until(lambda: not list(tmp_path.glob("postgres/postmaster.pid")), 20)


def test_a_gateway_that_stops_is_joined_by_nobody(tmp_path: Path) -> None:
    """It takes seconds to end: who starts meanwhile waits, instead of showing an address where nobody answers."""
    with serving("--no-node", "--port", "0", "--data-dir", str(tmp_path)) as (process, line):
        port = int(line.strip().rpartition(":")[2])
        assert (DataDir(tmp_path).published() or {})["url"].endswith(f":{port}")
        process.send_signal(signal.SIGTERM)

        def refuses() -> bool:
            with socket.socket() as caller:
                return caller.connect_ex(("127.0.0.1", port)) != 0

        wait_until(refuses, 10)
        assert "url" not in (DataDir(tmp_path).published() or {})
        assert process.wait(timeout=15) == 0


def test_who_comes_by_ipv4_where_both_are_listened_on_is_told_by_that_address(tmp_path: Path) -> None:
    """A rule for 127.0.0.0/8 is about them, too."""
    where = ("--data-dir", str(tmp_path))
    with serving("--no-node", "--host", "::", "--port", "0", *where) as (_, line):
        port = line.strip().rpartition(":")[2]
        headers = {"Authorization": f"Bearer {app('token', 'create', '--name', 'x', *where).stdout.strip()}"}

        def told(host: str) -> list[str]:
            url = f"http://{host}:{port}/v1/audit?limit=1&action=audit.read"
            httpx.get(url, headers=headers, trust_env=False)
            items = httpx.get(url, headers=headers, trust_env=False).json()["items"]
            return [item["address"] for item in items]

        assert told("127.0.0.1") == ["127.0.0.1"]
        assert told("[::1]") == ["::1"]


def test_a_token_made_on_the_command_line_works_until_it_is_revoked(live_gateway: LiveGateway) -> None:
    made = live_gateway.cli("token", "create", "--name", "cli", "--scope", "tasks.read", "--expires", "90d")
    token = made.strip()
    assert made == token + "\n"
    assert token.startswith("uag_")
    headers = {"Authorization": f"Bearer {token}"}
    assert live_gateway.call("GET", "/v1/tasks", headers=headers).status_code == 200
    assert live_gateway.call("GET", "/v1/runs", headers=headers).status_code == 403
    [line] = [line for line in live_gateway.cli("token", "list").splitlines() if token[:12] in line]
    assert "until 2" in line
    assert token not in line
    assert live_gateway.cli("token", "revoke", line.split()[0]) == ""
    assert live_gateway.call("GET", "/v1/tasks", headers=headers).status_code == 401


@pytest.mark.parametrize("expires", ["90", "d", "-1d", "0d", "1y", "1.5d", "999999d", "", "٣d"])
def test_a_bad_expiry_is_refused(expires: str) -> None:
    done = app("token", "create", "--name", "x", "--expires", expires)
    assert_one_line(done, 2, "--expires", "90d")
    assert done.stdout == ""


def test_bad_names_scopes_and_ids_are_refused(live_gateway: LiveGateway) -> None:
    where = ("--data-dir", str(live_gateway.data_dir))
    assert_one_line(app("token", "create", "--name", "", *where), 1, "name")
    assert_one_line(app("token", "create", "--name", "x", "--scope", "Tasks!", *where), 1, "scopes")
    assert_one_line(app("token", "revoke", "01a209e5-5221-75f7-9dd6-e086918edb15", *where), 1, "no such token")


def test_accounts_are_made_and_managed(live_gateway: LiveGateway) -> None:
    where = ("--data-dir", str(live_gateway.data_dir))
    credentials = {"handle": "carol", "password": PASSWORD}

    def signs_in() -> bool:
        return live_gateway.http.post(live_gateway.url + "/v1/auth/login", json=credentials).status_code == 200

    assert_one_line(app("user", "create", "carol", *where, stdin="short\n"), 1, "password", "8")
    assert_one_line(app("user", "create", "carol", *where, stdin=""), 1, "password")
    assert_one_line(app("user", "create", "no spaces", *where, stdin=PASSWORD), 1, "handle")
    assert_one_line(app("user", "create", "x" * 65, *where, stdin=PASSWORD), 1, "handle")
    assert "created carol" in live_gateway.cli("user", "create", "Carol", stdin=PASSWORD + "\n")
    assert signs_in()
    assert_one_line(app("user", "create", "carol", *where, stdin=PASSWORD), 1, "taken")
    live_gateway.cli("user", "disable", "carol")
    assert not signs_in()
    live_gateway.cli("user", "enable", "carol")
    assert signs_in()
    assert_one_line(app("user", "disable", "nobody", *where), 1, "nobody")
    assert_one_line(app("user", "disable", "system", *where), 1, "system")
    assert_one_line(app("user", "disable", "\udcff", *where), 1, "There is no user")


def test_a_disabled_owner_can_be_brought_back_without_a_gateway(tmp_path: Path) -> None:
    where = ("--data-dir", str(tmp_path))
    assert app("user", "disable", "owner", *where).returncode == 0
    assert_one_line(app("token", "create", "--name", "x", *where), 1, "user enable")
    assert app("user", "enable", "owner", *where).returncode == 0
    assert app("token", "create", "--name", "x", *where).stdout.startswith("uag_")


def test_openapi_prints_the_document_alone() -> None:
    done = app("openapi")
    assert done.returncode == 0
    assert json.loads(done.stdout)["openapi"].startswith("3.1")
    assert done.stderr == ""


def test_a_first_start_says_that_it_builds_the_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Before the gateway of the window, whose words are read when it is ready."""
    (tmp_path / "guide").mkdir()
    (tmp_path / "packaging").mkdir()
    (tmp_path / "packaging" / "assets.py").write_text(
        "import pathlib; (pathlib.Path(__file__).parents[1] / 'static/vendor').mkdir(parents=True); print('fetched')"
    )
    built = []
    monkeypatch.setattr("app.APP", tmp_path / "app.py")
    monkeypatch.setattr("ui.desktop.open_gateway", lambda *_: built.append((tmp_path / "static/vendor").is_dir()) or 0)
    assert main(["--data-dir", str(tmp_path / "data")], prog_name="app.py", standalone_mode=False) == 0
    said = capfd.readouterr()
    assert (said.out, said.err, built) == ("", "Building the console, once.\nfetched\n", [True])


def test_model_list_names_the_built_in_one(tmp_path: Path) -> None:
    done = app("model", "list", "--data-dir", str(tmp_path))
    assert done.returncode == 0
    assert "smollm2-135m" in done.stdout
    assert_one_line(app("model", "pull", "no-such-model", "--data-dir", str(tmp_path)), 4, "no-such-model")


def test_doctor_is_0_only_when_the_main_job_can_run(tmp_path: Path) -> None:
    well = app("doctor", "--data-dir", str(tmp_path))
    assert well.returncode == 0, well.stdout
    for part in ("Python", "data directory", "database", "emergency kit", "sandbox", "console assets", "local model"):
        assert part in well.stdout
    bare = tmp_path / "bin"
    bare.mkdir()
    for program in ("bash", "sh", "env"):
        (bare / program).symlink_to(f"/bin/{program}" if program != "env" else "/usr/bin/env")
    ill = app("doctor", "--data-dir", str(tmp_path), PATH=str(bare))
    assert ill.returncode == 4, ill.stdout
    [line] = [line for line in ill.stdout.splitlines() if line.startswith("missing")]
    assert "sandbox" in line
    assert "bubblewrap" in line


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    wrong = ("token", "list", "--data-dir", str(tmp_path), "--database-url", "mysql://x/y")
    plain = app(*wrong)
    assert_one_line(plain, 4, "mysql")
    for arguments in (("--debug", *wrong), (*wrong, "--debug")):
        done = app(*arguments)
        assert done.returncode == 4
        assert "Traceback" in done.stderr
        assert done.stderr.endswith(plain.stderr)


def test_the_data_directory_may_be_named_before_the_command(tmp_path: Path, live_gateway: LiveGateway) -> None:
    before = ("--data-dir", str(live_gateway.data_dir))
    assert "tests" in app(*before, "token", "list").stdout
    assert app(*before, "node", "--data-dir", str(tmp_path)).returncode == 4  # what stands after it decides
