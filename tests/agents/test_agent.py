"""The agent works with tools, each step of it is recorded, and it is kept within its bounds."""

import json
from collections.abc import Callable
from typing import Any

from gateway.core.clock import new_id
from tests.agents.scripted_model import call, scripted, setting
from tests.conftest import LiveGateway, wait_until


def carry_out(gateway: LiveGateway, **task: Any) -> dict[str, Any]:
    submitted = gateway.submit(**task)
    gateway.wait(submitted["id"])
    return gateway.result(submitted["id"])


def steps(gateway: LiveGateway, task_id: str) -> list[dict[str, Any]]:
    return gateway.call("GET", f"/v1/tasks/{task_id}/steps").json()["items"]  # type: ignore[no-any-return]


def test_it_runs_commands_reads_what_they_say_and_answers(live_gateway: LiveGateway) -> None:
    replies = [[call("run_command", command="echo 6 times 7 is $((6 * 7)) | tee artifacts/sum.txt")], "It is 42."]
    with scripted(live_gateway, replies) as script:
        result = carry_out(live_gateway, prompt="What is 6 times 7?", model=script.model)
    assert (result["status"], result["output"]) == ("completed", "It is 42.")
    assert [file["filename"] for file in result["artifacts"]] == ["sum.txt"]
    [told] = script.tool_answers()
    assert "Exit code 0." in told
    assert "6 times 7 is 42" in told
    done = steps(live_gateway, result["task_id"])
    assert [(step["kind"], step["name"], step["status"]) for step in done] == [
        ("model", None, "completed"), ("tool", "run_command", "completed"), ("model", None, "completed"),
    ]  # fmt: skip
    assert done[1]["arguments"]["command"].startswith("echo")
    assert (done[2]["prompt_tokens"], done[2]["completion_tokens"]) == (10, 5)


def test_files_are_written_read_and_published(live_gateway: LiveGateway) -> None:
    replies = [
        [
            call("write_file", path="notes/a.txt", content="red\n"),
            call("write_file", path="notes/b.txt", content="blue"),
        ],
        [call("read_file", path="notes/a.txt"), call("publish_artifact", path="notes/b.txt")],
        [call("run_script", interpreter="python3", code="print(len(open('notes/a.txt').read()))")],
        "Done.",
    ]
    with scripted(live_gateway, replies) as script:
        result = carry_out(live_gateway, prompt="Write it down", model=script.model)
    assert result["status"] == "completed", result["error"]
    answers = script.tool_answers()
    assert "red" in answers[2]
    assert "4" in answers[4].splitlines()
    assert [file["filename"] for file in result["artifacts"]] == ["b.txt"]


def test_what_preferences_forbid_is_refused_and_named(live_gateway: LiveGateway) -> None:
    key = "/v1/preferences/user/-/code.language.disallowed"
    live_gateway.call("PUT", key, json={"value": ["perl"], "reason": "house rule"})
    replies = [[call("run_script", interpreter="perl", code="print 1"), call("run_command", command="perl -v")], "No."]
    try:
        with scripted(live_gateway, replies) as script:
            result = carry_out(live_gateway, prompt="Use perl", model=script.model)
    finally:
        live_gateway.call("DELETE", key)
    assert result["status"] == "completed"
    for told in script.tool_answers():
        assert told.startswith("Refused: ")
        assert "code.language.disallowed" in told
    tools = [step for step in steps(live_gateway, result["task_id"]) if step["kind"] == "tool"]
    assert {step["status"] for step in tools} == {"refused"}


def test_no_web_page_is_read_until_a_preference_names_domains(live_gateway: LiveGateway) -> None:
    with scripted(live_gateway, [[call("read_web_page", url="https://example.com/")], "I may not."]) as script:
        result = carry_out(live_gateway, prompt="Look it up", model=script.model)
    assert result["output"] == "I may not."
    [told] = script.tool_answers()
    assert told.startswith("Refused: ")
    assert "security.web_browse.allowed_domains" in told


def test_it_makes_and_looks_after_tasks_of_its_owner(live_gateway: LiveGateway) -> None:
    def cancel_it(body: dict[str, Any]) -> list[dict[str, Any]]:
        made = body["messages"][-1]["content"].split()[1]
        return [call("inspect_task", task_id=made), call("cancel_task", task_id=made), call("list_tasks")]

    replies = [[call("create_task", commands=["sleep 600"], name="a long one")], cancel_it, "Canceled."]
    with scripted(live_gateway, replies) as script:
        result = carry_out(live_gateway, prompt="Start and stop", model=script.model)
    assert result["status"] == "completed", result["error"]
    made = script.tool_answers()[0].split()[1]
    assert script.tool_answers()[3].startswith("<<<OUTSIDE"), "the names of tasks may come from anywhere"
    assert live_gateway.wait(made)["status"] == "canceled"
    assert live_gateway.task(made)["metadata"] == {"created_by_task": result["task_id"]}


def test_it_makes_and_looks_after_schedules_of_its_owner(live_gateway: LiveGateway) -> None:
    def about_it(tool: str, **arguments: Any) -> Callable[[dict[str, Any]], list[dict[str, Any]]]:
        def reply(body: dict[str, Any]) -> list[dict[str, Any]]:
            made = next(message["content"] for message in body["messages"] if message["role"] == "tool")
            return [call(tool, schedule_id=made.split()[1], **arguments)]

        return reply

    first = call("create_schedule", name="Yearly", commands=["true"], cron="0 0 1 1 *", time_zone="UTC")
    # One after the other: calls of one message are carried out side by side.
    later = [[call("list_schedules")], about_it("change_schedule", enabled=False), about_it("delete_schedule")]
    with scripted(live_gateway, [[first], *later, "Gone."]) as script:
        result = carry_out(live_gateway, prompt="Plan and stop", model=script.model)
    assert result["status"] == "completed", result["error"]
    made, listed, changed, deleted = script.tool_answers()
    id_ = made.split()[1]
    assert "(Yearly): At 00:00, on day 1 of the month, only in January, UTC, next at" in made
    assert f"{id_} Yearly: At 00:00" in listed
    assert (changed.endswith("disabled."), deleted) == (True, f"Schedule {id_} is deleted with its history.")
    assert live_gateway.call("GET", f"/v1/schedules/{id_}").status_code == 404


def test_it_plans_scripts_and_commands_as_well(live_gateway: LiveGateway) -> None:
    name = f"Nightly {new_id().hex[-8:]}"
    made = call("create_schedule", name=name, script="print(1)", interpreter="python3", cron="@yearly")
    vague = call("create_schedule", name=name, commands=["true"], prompt="Do it", cron="@yearly")

    def otherwise(body: dict[str, Any]) -> list[dict[str, Any]]:
        told = next(each["content"] for each in body["messages"] if each["role"] == "tool")
        return [call("change_schedule", schedule_id=told.split()[1], commands=["true", "date"], time_zone="Asia/Tokyo")]

    with scripted(live_gateway, [[made], [vague], otherwise, "Planned."]) as script:
        result = carry_out(live_gateway, prompt="Plan", model=script.model)
    assert result["status"] == "completed", result["error"]
    _, refused, changed = script.tool_answers()
    assert "give one of prompt, commands and script, not prompt and commands" in refused
    [left] = live_gateway.call("GET", "/v1/schedules", params={"q": name}).json()["items"]
    live_gateway.call("DELETE", f"/v1/schedules/{left['id']}")
    assert left["payload"] == {"kind": "commands", "commands": ["true", "date"]}
    assert (left["time_zone"], changed.startswith(f"Schedule {left['id']}: ")) == ("Asia/Tokyo", True)


def test_it_looks_at_runs_and_their_logs(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(script={"content": "echo measured 42; exit 3"})
    run = live_gateway.wait(task["id"])["run_id"]
    replies = [[call("list_runs", status="failed"), call("inspect_run", run_id=run)], "Seen."]
    with scripted(live_gateway, replies) as script:
        live_gateway.wait(live_gateway.submit(prompt="Look", model=script.model)["id"])
    listed, seen = script.tool_answers()
    assert f"{run} failed of the task {task['id']}" in listed
    assert f"Run {run} is failed" in seen
    assert "measured 42" in seen


def test_what_does_not_exist_is_told_to_the_model(live_gateway: LiveGateway) -> None:
    nobody = "01890000-0000-7000-8000-000000000000"
    with scripted(live_gateway, [[call("inspect_task", task_id=nobody)], "There is none."]) as script:
        result = carry_out(live_gateway, prompt="Look", model=script.model)
    assert result["output"] == "There is none."
    assert script.tool_answers()[0].startswith("Refused: ")


def test_a_loop_is_noticed_and_ended(live_gateway: LiveGateway) -> None:
    with scripted(live_gateway, [[call("run_command", command="true")]]) as script:
        result = carry_out(live_gateway, prompt="Go round", model=script.model)
    assert (result["status"], result["error"]["code"]) == ("failed", "agent_loop")
    assert "You have done exactly this" in script.tool_answers()[-1]
    assert len(script.asked) == 5


def test_it_ends_with_its_budget_of_steps_and_says_which_setting_holds_it(live_gateway: LiveGateway) -> None:
    count = iter(range(1000))
    replies = [lambda _: [call("run_command", command=f"echo {next(count)}")]]
    with setting(live_gateway, "agents.max_steps", 3), scripted(live_gateway, replies) as script:
        result = carry_out(live_gateway, prompt="Count", model=script.model)
    assert (result["status"], result["error"]["code"]) == ("failed", "budget_exhausted")
    assert "agents.max_steps" in result["error"]["message"]
    assert len(script.asked) == 3


def test_a_model_without_tools_is_asked_for_them_in_words(live_gateway: LiveGateway) -> None:
    replies = [
        json.dumps({"tool": "run_command", "arguments": {"command": "echo $((3 * 3))"}}),
        json.dumps({"answer": "Nine."}),
    ]
    with scripted(live_gateway, replies, knows_tools=False) as script:
        result = carry_out(live_gateway, prompt="3 times 3?", model=script.model)
    assert (result["status"], result["output"]) == ("completed", "Nine.")
    last = script.asked[-1]
    assert "9" in last["messages"][-1]["content"]
    assert last["response_format"]["type"] == "json_schema"
    assert [step["name"] for step in steps(live_gateway, result["task_id"])] == [None, "run_command", None]


def test_sub_agents_have_a_conversation_and_a_budget_of_their_own(live_gateway: LiveGateway) -> None:
    def reply(body: dict[str, Any]) -> str | list[dict[str, Any]]:
        told = [m["content"] for m in body["messages"] if m["role"] == "user"]
        if told == ["Count the stars"]:
            return "There are seven."
        if body["messages"][-1]["role"] == "tool":
            return f"I was told: {body['messages'][-1]['content']}"
        return [call("delegate", task="Count the stars", most_steps=2)]

    with scripted(live_gateway, [reply]) as script:
        result = carry_out(live_gateway, prompt="How many stars?", model=script.model)
    assert result["output"] == "I was told: There are seven."
    agents = [step["agent"] for step in steps(live_gateway, result["task_id"])]
    assert len(set(agents)) == 2
    assert agents.count("") == 3
    below = next(body for body in script.asked if body["messages"][-1]["content"] == "Count the stars")
    assert "You work for another agent" in below["messages"][0]["content"]


def test_preferences_shape_what_it_is_told(live_gateway: LiveGateway) -> None:
    wishes = {"language.preferred": "de-CH", "agents.orchestrator.additional_context": "The office closes at six."}
    for key, value in wishes.items():
        live_gateway.call("PUT", f"/v1/preferences/user/-/{key}", json={"value": value})
    try:
        with scripted(live_gateway, ["Gern."]) as script:
            carry_out(live_gateway, prompt="Say something", model=script.model)
    finally:
        for key in wishes:
            live_gateway.call("DELETE", f"/v1/preferences/user/-/{key}")
    told = script.asked[0]["messages"][0]["content"]
    assert '- language.preferred: "de-CH"' in told
    assert "The office closes at six." in told


def test_a_question_waits_for_its_answer(live_gateway: LiveGateway) -> None:
    replies = [
        [call("ask_user", question="Which colour?", options=["red", "blue"]),
         call("ask_user", question="Sure?", confirm=True)],
        [call("ask_user", question="And which size?")],
        "So be it.",
    ]  # fmt: skip
    with scripted(live_gateway, replies) as script:
        task = live_gateway.submit(prompt="Paint it", model=script.model)
        path = f"/v1/questions?status=open&task_id={task['id']}"
        asked = wait_until(lambda: len(q := live_gateway.call("GET", path).json()["items"]) == 2 and q, 20)
        by_kind = {question["kind"]: question for question in asked}
        assert by_kind["choice"]["options"] == ["red", "blue"]

        def answer(kind: str, given: object) -> Any:
            return live_gateway.call("POST", f"/v1/questions/{by_kind[kind]['id']}/answer", json={"answer": given})

        assert answer("choice", "green").status_code == 422
        assert answer("confirm", "yes").status_code == 422
        assert answer("choice", "blue").json()["status"] == "answered"
        assert answer("choice", "red").status_code == 409
        assert answer("confirm", False).status_code == 200
        # The model calls a reply's first tool by the same id each time; it is another question.
        by_kind |= {"text": wait_until(lambda: (q := live_gateway.call("GET", path).json()["items"]) and q[0], 20)}
        assert by_kind["text"]["question"] == "And which size?"
        assert answer("text", "Small.").status_code == 200
        live_gateway.wait(task["id"])
    assert script.tool_answers() == ["blue", "No.", "Small."]


def test_a_task_gives_its_place_up_while_it_waits_and_goes_on_when_it_is_answered(live_gateway: LiveGateway) -> None:
    replies = [
        [call("run_command", command="echo once >> count.txt")],
        [call("ask_user", question="Go on?", confirm=True)],
        [call("run_command", command="cat count.txt")],
        "Done.",
    ]
    with setting(live_gateway, "agents.question_stay_s", 0), scripted(live_gateway, replies) as script:
        task = live_gateway.submit(prompt="Count", model=script.model)
        waiting = live_gateway.wait(task["id"], "waiting")
        [run] = live_gateway.call("GET", f"/v1/runs?task_id={task['id']}").json()["items"]
        assert (run["status"], run["error"]["code"], run["id"]) == ("canceled", "suspended", waiting["run_id"])
        [question] = live_gateway.call("GET", f"/v1/questions?status=open&task_id={task['id']}").json()["items"]
        answered = live_gateway.call("POST", f"/v1/questions/{question['id']}/answer", json={"answer": True})
        assert answered.status_code == 200
        assert live_gateway.wait(task["id"])["status"] == "completed"
    assert live_gateway.result(task["id"])["output"] == "Done."
    assert script.tool_answers()[1] == "Yes."
    assert script.tool_answers()[2].splitlines().count("once") == 1, "nothing was done twice, and the file stays"
    assert len(script.asked) == 4
    done = steps(live_gateway, task["id"])
    assert [step["name"] for step in done] == [None, "run_command", None, "ask_user", None, "run_command", None]
    assert len({step["run_id"] for step in done}) == 2


def test_a_task_that_waits_without_a_place_is_canceled_like_any_other(live_gateway: LiveGateway) -> None:
    replies = [[call("ask_user", question="Go on?", confirm=True)], "Done."]
    with setting(live_gateway, "agents.question_stay_s", 0), scripted(live_gateway, replies) as script:
        task = live_gateway.submit(prompt="Ask", model=script.model)
        live_gateway.wait(task["id"], "waiting")
        assert live_gateway.call("POST", f"/v1/tasks/{task['id']}/cancel").status_code == 200
        path = f"/v1/questions?task_id={task['id']}"
        wait_until(lambda: live_gateway.call("GET", path).json()["items"][0]["status"] == "withdrawn", 15)
        [question] = live_gateway.call("GET", path).json()["items"]
        late = live_gateway.call("POST", f"/v1/questions/{question['id']}/answer", json={"answer": True})
    assert late.status_code == 409
    canceled = live_gateway.task(task["id"])
    assert canceled["status"] == "canceled"
    assert len(script.asked) == 1
    wait_until(lambda: not (live_gateway.data_dir / "work" / canceled["run_id"]).exists(), 30)


def test_a_question_that_nobody_answers_in_time_is_withdrawn(live_gateway: LiveGateway) -> None:
    replies = [[call("ask_user", question="Anybody?")], "Then not."]
    with setting(live_gateway, "agents.question_wait_s", 1), scripted(live_gateway, replies) as script:
        task = live_gateway.submit(prompt="Ask", model=script.model)
        assert live_gateway.wait(task["id"])["status"] == "completed"
    assert script.tool_answers() == ["Nobody will answer."]
    [question] = live_gateway.call("GET", f"/v1/questions?task_id={task['id']}").json()["items"]
    assert question["status"] == "withdrawn"


def test_questions_of_a_canceled_task_are_withdrawn(live_gateway: LiveGateway) -> None:
    with scripted(live_gateway, [[call("ask_user", question="Why?")]]) as script:
        task = live_gateway.submit(prompt="Ask", model=script.model)
        path = f"/v1/questions?task_id={task['id']}"
        [question] = wait_until(lambda: live_gateway.call("GET", path).json()["items"], 20)
        live_gateway.call("POST", f"/v1/tasks/{task['id']}/cancel")
        live_gateway.wait(task["id"])
        wait_until(lambda: live_gateway.call("GET", path).json()["items"][0]["status"] == "withdrawn", 15)
    late = live_gateway.call("POST", f"/v1/questions/{question['id']}/answer", json={"answer": "So."})
    assert late.status_code == 409
