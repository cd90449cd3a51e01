"""Scripts and commands run as they were given: interpreter, arguments, environment, files in, files out."""

import json
from typing import Any

import pytest

from tests.conftest import LiveGateway


def run(gateway: LiveGateway, **wish: Any) -> dict[str, Any]:
    """Submits a task and returns its result once it has ended."""
    task = gateway.submit(**wish)
    gateway.wait(task["id"])
    return gateway.result(task["id"])


def upload(gateway: LiveGateway, name: str, content: bytes) -> str:
    answer = gateway.call("POST", "/v1/artifacts", files=[("file", (name, content))])
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]  # type: ignore[no-any-return]


def submit_parts(gateway: LiveGateway, wish: dict[str, Any], *files: tuple[str, tuple[str, bytes]]) -> dict[str, Any]:
    answer = gateway.call("POST", "/v1/tasks", data={"task": json.dumps(wish)}, files=list(files))
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def stdout(result: dict[str, Any]) -> str:
    return str(result["jobs"][0]["stdout"])


@pytest.mark.parametrize(
    ("interpreter", "content", "output"),
    [
        ("bash", 'set -- "${@^^}"; echo "$1|$2|$#"', "A B|'\"$X|2\n"),
        ("sh", 'echo "$1|$2|$#"', "a b|'\"$x|2\n"),
        ("python3", "import sys; print('|'.join(sys.argv[1:]))", "a b|'\"$x\n"),
    ],
)
def test_a_script_gets_its_arguments_as_they_are(
    live_gateway: LiveGateway, interpreter: str, content: str, output: str
) -> None:
    script = {"content": content, "interpreter": interpreter, "args": ["a b", "'\"$x"]}
    assert stdout(run(live_gateway, script=script)) == output


def test_a_missing_interpreter_is_exit_127_and_named(live_gateway: LiveGateway) -> None:
    result = run(live_gateway, script={"content": "hello", "interpreter": "no-such-thing"})
    assert (result["status"], result["exit_code"]) == ("failed", 127)
    assert "no-such-thing" in result["jobs"][0]["stderr"]


def test_a_script_can_come_from_an_artifact(live_gateway: LiveGateway) -> None:
    artifact = upload(live_gateway, "script.py", b"print(6 * 7)")
    assert stdout(run(live_gateway, script={"artifact_id": artifact, "interpreter": "python3"})) == "42\n"


def test_a_script_can_come_as_a_file_with_interpreter_and_arguments(live_gateway: LiveGateway) -> None:
    wish = {"script": {"interpreter": "python3", "args": ["x"]}}
    task = submit_parts(live_gateway, wish, ("script", ("job.py", b"import sys; print(sys.argv[1] * 3)")))
    live_gateway.wait(task["id"])
    assert stdout(live_gateway.result(task["id"])) == "xxx\n"


def test_a_prompt_can_come_as_a_file(live_gateway: LiveGateway) -> None:
    task = submit_parts(live_gateway, {"model": "nobody/nothing"}, ("prompt", ("ask.md", b"# Wozu?")))
    assert (task["kind"], task["prompt"]) == ("prompt", "# Wozu?")
    live_gateway.wait(task["id"])


def test_a_prompt_can_come_as_a_field_of_a_form(live_gateway: LiveGateway) -> None:
    form = {"task": '{"model": "nobody/nothing"}', "prompt": "Wozu?"}
    answer = live_gateway.call("POST", "/v1/tasks", data=form, files=[("file", ("a.txt", b"a"))])
    assert answer.status_code == 201, answer.text
    assert (answer.json()["prompt"], len(answer.json()["attachments"])) == ("Wozu?", 1)
    live_gateway.wait(answer.json()["id"])


def test_attachments_of_one_name_and_of_odd_names_all_arrive(live_gateway: LiveGateway) -> None:
    odd = ["../../etc/passwd", "-rf", "a b\tc", "ü" * 150, "\u202e", ".hidden", "a\nb"]
    ids = [upload(live_gateway, "same.txt", b"1"), upload(live_gateway, "same.txt", b"2")]
    for name in odd:
        answer = live_gateway.call(
            "POST", "/v1/artifacts", params={"filename": name}, content=b"odd",
            headers={"Content-Type": "application/octet-stream"},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        ids.append(answer.json()["id"])
    result = run(
        live_gateway, commands=["cat inputs/same.txt inputs/same-2.txt; find inputs -type f | wc -l"], attachments=ids
    )
    assert stdout(result) == f"12{len(ids)}\n"
    refused = live_gateway.call("DELETE", f"/v1/artifacts/{ids[0]}")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert "needed by 1 task attachment" in refused.json()["detail"]


def test_the_environment_is_the_tasks_own_and_nothing_of_the_hosts(live_gateway: LiveGateway) -> None:
    result = run(live_gateway, commands=["env -0"], env={"MY_VALUE": "a\nb ü"})
    found = dict(entry.split("=", 1) for entry in stdout(result).split("\N{REPLACEMENT CHARACTER}") if entry)
    assert found["MY_VALUE"] == "a\nb ü"
    assert found["WORKSPACE"] == "/workspace"
    assert not [name for name in found if name.startswith(("GATEWAY_", "PYTEST", "CI", "PG"))]


def test_standard_input_is_empty_and_there_is_no_network(live_gateway: LiveGateway) -> None:
    port = live_gateway.url.rsplit(":", 1)[1]
    look = f"cat | wc -c; (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo reached || echo unreachable"
    assert stdout(run(live_gateway, commands=[look])) == "0\nunreachable\n"


def test_commands_share_one_workspace(live_gateway: LiveGateway) -> None:
    result = run(live_gateway, commands=["mkdir d; echo a > d/f; export LOST=1", "cat d/f; echo ${LOST-unset}; pwd"])
    assert result["jobs"][1]["stdout"] == "a\nunset\n/workspace\n"


@pytest.mark.parametrize(
    ("command", "code"), [("exit 0", 0), ("exit 255", 255), ("kill -TERM $$", 143), ("kill -KILL $$", 137)]
)
def test_the_exit_code_is_the_commands_own(live_gateway: LiveGateway, command: str, code: int) -> None:
    result = run(live_gateway, commands=[command])
    assert (result["exit_code"], result["jobs"][0]["exit_code"]) == (code, code)
    assert result["status"] == ("failed" if code else "completed")


def test_too_much_output_is_cut_and_the_cut_is_told(live_gateway: LiveGateway) -> None:
    result = run(live_gateway, commands=["head -c 3000000 /dev/zero | tr '\\0' x; echo done >&2", "echo small"])
    first, second = result["jobs"]
    assert (len(first["stdout"]), first["stderr"], first["truncated"]) == (2**20, "done\n", True)
    assert (second["stdout"], second["truncated"]) == ("small\n", False)
    path = f"/v1/tasks/{result['task_id']}/logs?stream=system"
    assert "Output was cut at 1048576 bytes (stdout)" in live_gateway.call("GET", path).text


def test_output_that_is_no_text_is_kept_readable(live_gateway: LiveGateway) -> None:
    result = run(live_gateway, commands=[r"printf 'a\0b\377c\303\274'"])
    assert stdout(result) == "a\ufffdb\ufffdcü"


def test_a_task_that_runs_too_long_is_ended_and_told(live_gateway: LiveGateway) -> None:
    result = run(live_gateway, commands=["echo before; sleep 61", "echo never"], timeout_s=1.0, continue_on_error=True)
    assert (result["status"], result["error"]["code"]) == ("failed", "timed_out")
    assert [job["status"] for job in result["jobs"]] == ["failed", "skipped"]
    assert stdout(result) == "before\n"


def test_files_of_the_artifacts_folder_come_out_and_nothing_else(live_gateway: LiveGateway) -> None:
    command = """cd artifacts; mkdir -p a/b; echo deep > a/b/file; echo top > top; printf '' > empty
    ln -s /etc/passwd link; ln -s a folder-link; mkfifo pipe; ln top hard; echo outside > ../outside"""
    result = run(live_gateway, commands=[command])
    contents = {
        file["filename"]: live_gateway.call("GET", f"/v1/artifacts/{file['id']}/content").content
        for file in result["artifacts"]
    }
    assert contents == {"a_b_file": b"deep\n", "empty": b""}
    log = live_gateway.call("GET", f"/v1/tasks/{result['task_id']}/logs?stream=system").text
    for refused in ("link", "folder-link", "pipe", "top", "hard"):
        assert f"artifacts/{refused} was left out" in log
    listed = live_gateway.call("GET", f"/v1/tasks/{result['task_id']}/artifacts").json()["items"]
    assert {(item["filename"], item["origin"]) for item in listed} == {("a_b_file", "task"), ("empty", "task")}


def test_a_failed_task_keeps_its_artifacts(live_gateway: LiveGateway) -> None:
    result = run(live_gateway, commands=["echo half > artifacts/half; exit 1"])
    assert [file["filename"] for file in result["artifacts"]] == ["half"]
