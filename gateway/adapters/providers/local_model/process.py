"""The llama.cpp server as a process of its own, run as a script: it imports nothing of this program.

One JSON line of settings comes on standard input (so the key is in no argument and no environment), one JSON
line with the address goes out on standard output. It ends when standard input does, hence with its parent.
"""

import json
import os
import sys
import threading
from typing import Any

import xllamacpp


def main() -> None:
    """Serve until the parent is gone."""
    # llama.cpp writes to the same descriptors; the answer goes out on one it does not know.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    settings = json.loads(sys.stdin.readline())
    threading.Thread(target=end_with_parent, daemon=True).start()
    server = xllamacpp.Server(parameters(settings))
    print(json.dumps({"address": server.listening_address}), file=answer, flush=True)
    threading.Event().wait()


def end_with_parent() -> None:
    """Wait for the end of standard input, then leave at once: there is nothing to save."""
    sys.stdin.read()
    os._exit(0)


def parameters(settings: dict[str, Any]) -> xllamacpp.CommonParams:
    """llama.cpp's parameters: loopback, a free port, the model's own chat template, two answers at a time."""
    params = xllamacpp.CommonParams()
    params.model.path = settings["weights"]
    params.model_alias = {settings["name"]}
    params.api_keys = [settings["api_key"]]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = settings["context_size"]
    params.n_parallel = 2
    params.kv_unified = True
    # A batch is never broken off: small ones, so that a question nobody waits for gives its place back within a second.
    params.n_batch = params.n_ubatch = 128
    # A small model that has not found its end by then says the same for ever; whoever wants more asks for it.
    params.n_predict = settings["context_size"] // 8
    params.use_jinja = True
    params.ui = False
    params.cache_ram_mib = 0
    params.sleep_idle_seconds = settings["idle_s"]
    params.cpuparams.n_threads = settings["threads"]
    params.cpuparams_batch.n_threads = settings["threads"]
    # Small models fall into saying the same for ever: what repeats a longer piece of the last tokens grows unlikely.
    params.sampling.dry_multiplier = 0.8
    params.sampling.dry_allowed_length = 8
    params.sampling.dry_penalty_last_n = 1024
    params.verbosity = 1
    return params


if __name__ == "__main__":
    main()
