"""Requests per second of one authenticated JSON route, beside a bare Flask route."""

from tests.bench import load
from tests.bench.figures import Figure, median, percentile
from tests.bench.stage import Stage

CLIENTS = 16
SECONDS = 3.0


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """Alternates between gateway and peer."""
    gateway = stage.gateway
    task = gateway.submit(commands=["true"])["id"]
    gateway.wait(task)
    found = []
    for route in ("/v1/users/me", f"/v1/tasks/{task}"):
        ours, bare = [], []
        for _ in range(rounds):
            ours.append(load.run(load.Load(gateway.url, [("GET", route, None)], gateway.token, CLIENTS, SECONDS)))
            bare.append(load.run(load.Load(stage.peer_url, [("GET", "/json", None)], "", CLIENTS, SECONDS)))
        name = f"GET {route.replace(task, '{id}')}, {CLIENTS} clients"
        rates = median([outcome.rate for outcome in ours]), median([outcome.rate for outcome in bare])
        found.append(Figure(name, rates[0], "requests/s", peer=rates[1], peer_name="bare Flask", relation="ratio"))
        for percent in (50, 95):
            times = [
                median([1000 * percentile(outcome.latencies, percent) for outcome in side]) for side in (ours, bare)
            ]
            found.append(Figure(f"{name}, p{percent}", times[0], "ms", peer=times[1], peer_name="bare Flask"))
    return found
