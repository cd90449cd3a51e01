"""Gives up root, so that the rest of a program shows what a node of an ordinary user does."""

import ctypes
import importlib
import os

PLAIN_ID = 61_000
PR_SET_DUMPABLE = 4

# What is imported late, from where the ordinary user may not be able to read it.
LATE_IMPORTS = ("concurrent.futures.thread", "encodings.idna", "resource", "gateway.adapters.sandboxes.registry")


def become_plain_user(folder: str) -> None:
    """Turn from root into a user that owns nothing but `folder`; an ordinary user stays what it is."""
    for name in LATE_IMPORTS:
        importlib.import_module(name)
    if os.geteuid() != 0:
        return
    os.chown(folder, PLAIN_ID, PLAIN_ID)
    os.setgroups([])
    os.setresgid(PLAIN_ID, PLAIN_ID, PLAIN_ID)
    os.setresuid(PLAIN_ID, PLAIN_ID, PLAIN_ID)
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1)  # as a process is that was started by this user
