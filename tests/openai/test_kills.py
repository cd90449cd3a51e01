"""A model's server that is killed while it works: the client hears of it, and the next question is answered."""

import threading

import psutil

from gateway.adapters.providers.local_model.server import read_endpoint
from tests.conftest import MODELS, LiveGateway
from tests.openai.conftest import HELLO

LOCAL = "local/smollm2-135m"


def kill_local_model() -> None:
    endpoint = read_endpoint(MODELS, "smollm2-135m")
    assert endpoint is not None
    psutil.Process(endpoint.pid).kill()


def test_a_local_model_that_is_killed_in_its_answer_is_started_again(live_gateway: LiveGateway) -> None:
    body = {"model": LOCAL, "messages": [{"role": "user", "content": "Count from 1 to 1000."}], "stream": True}
    headers = {"Authorization": f"Bearer {live_gateway.token}"}
    url = f"{live_gateway.url}/v1/chat/completions"
    with live_gateway.http.stream("POST", url, json=body, headers=headers, timeout=60) as answer:
        lines = (line for line in answer.iter_lines() if line)
        assert '"role":"assistant"' in next(lines)
        kill_local_model()
        *_, error, done = lines
    assert '"code": "inference_failed"' in error
    assert done == "data: [DONE]"
    again = {"model": LOCAL, "messages": HELLO, "max_tokens": 3}
    answers = []

    def ask() -> None:
        answers.append(live_gateway.http.post(url, json=again, headers=headers, timeout=60).status_code)

    together = [threading.Thread(target=ask) for _ in range(4)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    assert answers == [200] * 4
