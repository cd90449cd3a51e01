"""Python programs that take more than they should of one thing each."""

import shutil

# The one that is in the sandbox too.
INTERPRETER = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin") or "python3"

FORK_BOMB = """
import os, time
while True:
    try:
        if os.fork() == 0:
            continue
    except OSError:
        time.sleep(0.01)
"""
THREAD_BOMB = """
import threading, time
started = 0
try:
    while True:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        started += 1
except RuntimeError:
    print(started, flush=True)
    import os; os._exit(0)
"""
ONE_HOG = """
held = []
while True:
    held.append(bytearray(b"x") * (16 << 20))
"""
MANY_HOGS = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        held = bytearray(b"x") * (60 << 20)
        time.sleep(60)
time.sleep(60)
"""
SHARED_HOG = """
import mmap, time
held = []
while True:
    held.append(mmap.mmap(-1, 16 << 20))
    held[-1].write(b"x" * (16 << 20))
    time.sleep(0.01)
"""
FRUGAL_FORKS = """
import os, time
held = bytearray(b"x") * (60 << 20)
for _ in range(8):
    if os.fork() == 0:
        time.sleep(0.8)
        os._exit(0)
for _ in range(8):
    os.wait()
"""
FORKS_THAT_COME_AND_GO = """
import os, time
held = bytearray(b"x") * (60 << 20)
print("holding", flush=True)
for _ in range(60):
    for _ in range(8):
        if os.fork() == 0:
            time.sleep(0.01)
            os._exit(0)
    for _ in range(8):
        os.wait()
"""
UNNAMED_FILE = """
import os, time
held = os.open("gone", os.O_CREAT | os.O_WRONLY)
os.unlink("gone")
while True:
    os.write(held, b"x" * (4 << 20))
    time.sleep(0.01)
"""
LOCKED_FOLDER = """
import os, time
os.mkdir("locked")
held = os.open("locked/big", os.O_CREAT | os.O_WRONLY)
os.chmod("locked", 0)
while True:
    os.write(held, b"x" * (4 << 20))
    time.sleep(0.01)
"""
MANY_FILES = """
number = 0
while True:
    open(f"file-{number}", "w").close()
    number += 1
"""
DEEP_FOLDERS = """
import os, time
while True:
    os.mkdir("down")
    os.chdir("down")
    time.sleep(0.001)
"""
