"""Background processes: in the sandbox of a run, fed and read from outside, and never left behind."""

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import psutil
import pytest

from tests.agents.scripted_model import setting
from tests.conftest import LiveGateway, wait_until
from tests.http.callers import Person, assert_problem, new_person


class AtWork:
    """A run at work, which ends when it is told to."""

    def __init__(self, gateway: LiveGateway) -> None:
        self.gateway = gateway
        self.mark = f"mark-{uuid.uuid4().hex}"
        self.task = gateway.submit(commands=["echo shared > shared; until test -e done; do sleep 0.05; done"])["id"]
        gateway.wait(self.task, "running")
        self.run = gateway.task(self.task)["run_id"]

    def start(self, command: str) -> str:
        """Starts a process, its mark in the command line; returns its id."""
        wish = {"command": f": {self.mark}; {command}"}
        answer = self.gateway.call("POST", f"/v1/runs/{self.run}/processes", json=wish)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def process(self, process: str, *statuses: str) -> dict[str, Any]:
        """The process, once it has come to one of these."""

        def look() -> dict[str, Any] | None:
            found = self.gateway.call("GET", f"/v1/processes/{process}").json()
            return found if not statuses or found["status"] in statuses else None

        return wait_until(look, 20)  # type: ignore[no-any-return]

    def output(self, process: str, after: int = 0) -> str:
        """What it has written."""
        page = self.gateway.call("GET", f"/v1/processes/{process}/output?after={after}").json()
        return "".join(piece["text"] for piece in page["items"])

    def says(self, process: str, text: str) -> None:
        """Waits until it has."""
        wait_until(lambda: text in self.output(process), 20)

    def left(self) -> list[int]:
        """The machine's processes with the mark."""
        every = psutil.process_iter(["cmdline"])
        return [each.pid for each in every if any(self.mark in word for word in each.info["cmdline"] or [])]

    def end(self) -> None:
        """Lets the run's own command end."""
        if self.gateway.task(self.task)["status"] == "running":
            self.start("touch done")
        self.gateway.wait(self.task)


@pytest.fixture
def at_work(live_gateway: LiveGateway) -> Iterator[AtWork]:
    made = AtWork(live_gateway)
    yield made
    made.end()


def test_it_reads_writes_and_shares_the_workspace(at_work: AtWork) -> None:
    process = at_work.start('cat shared; while read -r line; do echo "got $line"; done; echo over >&2; exit 7')
    at_work.says(process, "shared")
    for text in ("one\n", "tw", "o\n"):
        at_work.gateway.call("POST", f"/v1/processes/{process}/input", json={"text": text}).raise_for_status()
    at_work.says(process, "got two")
    at_work.gateway.call("POST", f"/v1/processes/{process}/input", json={"end": True}).raise_for_status()
    ended = at_work.process(process, "exited")
    assert (ended["exit_code"], ended["reason"], ended["task_id"]) == (7, None, at_work.task)
    assert at_work.output(process) == "shared\ngot one\ngot two\nover\n"
    assert at_work.output(process, after=ended["output_seq"]) == ""
    late = at_work.gateway.call("POST", f"/v1/processes/{process}/input", json={"text": "x"})
    assert_problem(late, 409, "process_ended")
    listed = at_work.gateway.call("GET", f"/v1/runs/{at_work.run}/processes").json()["items"]
    assert [item["id"] for item in listed] == [process]


@pytest.mark.parametrize(
    ("command", "reason", "code"),
    [
        ("trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.1; done", "terminated on request", 3),
        ("trap '' TERM; echo ready; while :; do sleep 0.1; done", "killed on request: it did not end in time", None),
    ],
    ids=["gives way", "does not"],
)
def test_it_is_asked_to_end_and_killed_when_it_does_not(
    at_work: AtWork, command: str, reason: str, code: int | None
) -> None:
    process = at_work.start(command)
    at_work.says(process, "ready")
    asked = at_work.gateway.call("POST", f"/v1/processes/{process}/terminate", json={"grace_s": 1})
    assert asked.status_code == 202
    ended = at_work.process(process, "terminated")
    assert (ended["reason"], ended["exit_code"]) == (reason, code)
    assert at_work.left() == []
    again = at_work.gateway.call("POST", f"/v1/processes/{process}/terminate")
    assert_problem(again, 409, "process_ended")


def test_asked_again_it_has_what_time_is_over_first(at_work: AtWork) -> None:
    process = at_work.start("trap 'echo asked' TERM; echo ready; while :; do sleep 0.1; done")
    for grace_s, text in ((60, "ready"), (0, "asked")):
        at_work.says(process, text)
        asked = at_work.gateway.call("POST", f"/v1/processes/{process}/terminate", json={"grace_s": grace_s})
        assert asked.status_code == 202
    assert at_work.process(process, "terminated")["reason"] == "killed on request: it did not end in time"


ESCAPES = {
    "new session": "setsid bash -c ': MARK; sleep 600' & sleep 600",
    "double fork": "(setsid bash -c 'trap \"\" HUP TERM INT; : MARK; sleep 600' >/dev/null 2>&1 &) ; exit 0",
    "orphans": "for n in 1 2 3; do (bash -c ': MARK; sleep 600' &) ; done; sleep 600",
    "deaf": "trap '' TERM HUP INT QUIT; nohup bash -c ': MARK; sleep 600'",
}


def _end(at_work: AtWork) -> None:
    at_work.start("touch done")
    at_work.gateway.wait(at_work.task)


def _cancel(at_work: AtWork) -> None:
    at_work.gateway.call("POST", f"/v1/tasks/{at_work.task}/cancel").raise_for_status()


@pytest.mark.parametrize("end", [_end, _cancel], ids=["the run ends", "the run is canceled"])
def test_nothing_outlives_the_run(at_work: AtWork, end: Callable[[AtWork], None]) -> None:
    started = [at_work.start(f"echo ready; {escape.replace('MARK', at_work.mark)}") for escape in ESCAPES.values()]
    for process in started:
        at_work.says(process, "ready")
    assert len(at_work.left()) >= 3
    end(at_work)
    began = time.monotonic()
    wait_until(lambda: not at_work.left(), 2)
    assert time.monotonic() - began < 2
    ended = [at_work.process(process, "terminated", "exited") for process in started]
    assert {each["reason"] for each in ended} <= {None, "its run has ended, and its sandbox with it"}
    assert_problem(
        at_work.gateway.call("POST", f"/v1/runs/{at_work.run}/processes", json={"command": "true"}), 409, "no_sandbox"
    )


def test_it_is_held_to_the_limits_of_the_sandbox(at_work: AtWork) -> None:
    process = at_work.start("cat /etc/shadow; id -un; curl -sm 2 http://127.0.0.1:1 || echo no network; ls /home")
    at_work.process(process, "exited")
    assert at_work.output(process).count("Permission denied") + at_work.output(process).count("No such file") == 1
    assert "sandbox\n" in at_work.output(process)
    assert "no network" in at_work.output(process)


def test_a_run_has_so_many_at_a_time_and_no_more(at_work: AtWork) -> None:
    for _ in range(16):
        at_work.start("sleep 600")
    refused = at_work.gateway.call("POST", f"/v1/runs/{at_work.run}/processes", json={"command": "true"})
    assert_problem(refused, 409, "too_many_processes")
    first = at_work.gateway.call("GET", f"/v1/runs/{at_work.run}/processes?limit=1").json()["items"][0]["id"]
    at_work.gateway.call("POST", f"/v1/processes/{first}/terminate", json={"grace_s": 0}).raise_for_status()
    at_work.process(first, "terminated")


def test_what_was_started_is_in_the_audit_with_run_and_task(at_work: AtWork) -> None:
    process = at_work.start("true")
    at_work.process(process, "exited")
    records = at_work.gateway.call("GET", f"/v1/audit?resource={process}&action=processes.start").json()["items"]
    assert len(records) == 1
    assert at_work.run in records[0]["reason"]
    assert at_work.task in records[0]["reason"]
    events = at_work.gateway.call("GET", f"/v1/events?run_id={at_work.run}&name=process.*&limit=200").json()["items"]
    assert next(event["name"] for event in events if event["data"]["process_id"] == process) == "process.created"


SERVER = """python3 -c '
import socket
server = socket.create_server(("127.0.0.1", 8000))
print("listening", flush=True)
while True:
    there, _ = server.accept()
    while data := there.recv(65536):
        there.sendall(data.upper())
    there.close()
'"""


def test_no_port_is_forwarded_until_a_setting_allows_it(at_work: AtWork) -> None:
    process = at_work.start(SERVER)
    at_work.says(process, "listening")
    path = f"/v1/processes/{process}/ports"
    refused = at_work.gateway.call("POST", path, json={"port": 8000})
    assert_problem(refused, 403, "forbidden")
    assert "processes.forward_ports" in refused.json()["detail"]
    assert at_work.gateway.call("GET", path).json() == {"items": []}


def test_a_forwarded_port_is_reached_until_it_is_closed_or_not_allowed_any_more(at_work: AtWork) -> None:
    process = at_work.start(SERVER)
    at_work.says(process, "listening")
    path = f"/v1/processes/{process}/ports"
    with setting(at_work.gateway, "processes.forward_ports", True):
        place = forwarded(at_work, process, 8000)
        assert place[0] == "127.0.0.1"
        sent = b"x" * 1_000_000
        with socket.create_connection(place, timeout=20) as connection:
            threading.Thread(target=connection.sendall, args=(sent,)).start()
            got = b""
            while len(got) < len(sent):
                got += connection.recv(65536)
            assert got == sent.upper()
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b"", "the end is passed on"
        nobody = forwarded(at_work, process, 9)
        with socket.create_connection(nobody, timeout=20) as connection, suppress(ConnectionResetError):
            assert connection.recv(1) == b"", "nobody listens inside"
        assert at_work.gateway.call("POST", f"{path}/close", json={"port": 9}).status_code == 204
        assert_problem(at_work.gateway.call("POST", f"{path}/close", json={"port": 9}), 404)
        wait_until(lambda: refuses(nobody), 10)
        with socket.create_connection(place, timeout=20) as connection:
            connection.sendall(b"still here")
            assert connection.recv(100) == b"STILL HERE"
            at_work.gateway.call("DELETE", "/v1/settings/processes.forward_ports")
            connection.settimeout(20)
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b"", "what is open is hung up on"
        wait_until(lambda: refuses(place), 10)
    assert at_work.gateway.call("GET", path).json() == {"items": []}
    records = at_work.gateway.call("GET", "/v1/audit?action=processes.forward&limit=50").json()["items"]
    assert any("port 8000" in record["reason"] and at_work.task in record["reason"] for record in records)


def test_a_forwarded_port_ends_with_its_process_and_there_are_never_many(at_work: AtWork) -> None:
    process = at_work.start(SERVER)
    at_work.says(process, "listening")
    path = f"/v1/processes/{process}/ports"
    with setting(at_work.gateway, "processes.forward_ports", True):
        place = forwarded(at_work, process, 8000)
        for port in range(1, 8):
            assert at_work.gateway.call("POST", path, json={"port": port}).status_code == 201
        assert_problem(at_work.gateway.call("POST", path, json={"port": 99}), 409, "too_many_ports")
        assert at_work.gateway.call("POST", path, json={"port": 8000}).status_code == 201, "it is there already"
        for odd in (0, 65536, "http"):
            assert_problem(at_work.gateway.call("POST", path, json={"port": odd}), 422, field="port")
        at_work.gateway.call("POST", f"/v1/processes/{process}/terminate", json={"grace_s": 0})
        at_work.process(process, "terminated")
        wait_until(lambda: refuses(place), 10)
        assert at_work.gateway.call("GET", path).json() == {"items": []}
        assert_problem(at_work.gateway.call("POST", path, json={"port": 8000}), 409, "process_ended")


def test_a_forward_ends_within_a_second_or_so_of_a_lost_right(at_work: AtWork) -> None:
    admin = at_work.gateway
    process = at_work.start(SERVER)
    at_work.says(process, "listening")
    people = [new_person(admin, f"f-{uuid.uuid4().hex[:12]}", role="operator") for _ in range(3)]

    def lose_account(person: Person) -> None:
        admin.call("POST", f"/v1/users/{id_of(person)}/disable").raise_for_status()

    def lose_token(person: Person) -> None:
        [token] = person.call("GET", "/v1/tokens").json()["items"]
        person.call("DELETE", f"/v1/tokens/{token['id']}").raise_for_status()

    def lose_role(person: Person) -> None:
        [held] = admin.call("GET", f"/v1/role-bindings?subject_id={id_of(person)}").json()["items"]
        admin.call("DELETE", f"/v1/role-bindings/{held['id']}").raise_for_status()

    with setting(admin, "processes.forward_ports", True):
        places = [forwarded(at_work, process, 8000 + n, by=person.call) for n, person in enumerate(people)]
        connection = socket.create_connection(places[0], timeout=20)
        connection.sendall(b"still here")
        assert connection.recv(100) == b"STILL HERE"
        for number, lose in enumerate((lose_account, lose_token, lose_role)):
            lose(people[number])
            began = time.monotonic()
            wait_until(partial(refuses, places[number]), 10)
            assert time.monotonic() - began < 2
            assert not any(refuses(place) for place in places[number + 1 :]), "the others' go on"
        with connection, suppress(ConnectionResetError):
            assert connection.recv(1) == b"", "what is open is hung up on"
        assert admin.call("GET", f"/v1/processes/{process}/ports").json() == {"items": []}


def id_of(person: Person) -> str:
    """The account's id, while it may be asked for."""
    return str(person.call("GET", "/v1/users/me").json()["id"])


def forwarded(at_work: AtWork, process: str, port: int, by: Callable[..., Any] | None = None) -> tuple[str, int]:
    """Where a port is reached, once it is."""
    path = f"/v1/processes/{process}/ports"
    assert (by or at_work.gateway.call)("POST", path, json={"port": port}).status_code == 201

    def address() -> str | None:
        items = at_work.gateway.call("GET", path).json()["items"]
        return next(item["address"] for item in items if item["port"] == port)  # type: ignore[no-any-return]

    host, _, local = wait_until(address, 20).partition(":")
    return host, int(local)


def refuses(place: tuple[str, int]) -> bool:
    """Whether nobody listens there."""
    try:
        socket.create_connection(place, timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False
