"""The OpenAPI document is made in a thread beside the requests."""

import subprocess
import sys

MANY_WAIT = """
from gevent import monkey
monkey.patch_all()
import gevent
import pydantic.main
from gateway.core.http.api_document import ApiDocument

def in_turn():
    with pydantic.main._rebuild_lock:
        sum(range(20_000))

def describe():
    for _ in range(60):
        in_turn()
    return {}

for _ in range(25):
    document = ApiDocument(describe)
    in_turn()
    made = gevent.spawn(document.get)
    waiting = []
    for _ in range(10):
        gevent.sleep(0.001)
        waiting.append(gevent.spawn(in_turn))
    made.get()
    assert len(gevent.joinall(waiting, timeout=2)) == len(waiting)
print(type(pydantic.main._rebuild_lock).__module__)
"""


def test_requests_that_wait_for_a_model_while_the_document_is_made_go_on() -> None:
    done = subprocess.run([sys.executable, "-c", MANY_WAIT], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "_thread\n", "")


BESIDE_A_THREAD = """
from gevent import monkey
monkey.patch_all()
import gevent
from gateway.core.http.api_document import ApiDocument

done = []
document = ApiDocument(lambda: {})
preparing = gevent.spawn(document.prepare, [lambda: done.append("first"), lambda: done.append("second")])
gevent.sleep(0.01)
document.get()
preparing.join()
print(done)
"""


def test_parts_are_not_made_beforehand_once_a_thread_makes_all() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BESIDE_A_THREAD], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "['first']\n", "")
