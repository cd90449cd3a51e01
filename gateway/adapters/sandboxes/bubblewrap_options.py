"""What a bubblewrap sandbox consists of: its folders, files, environment, namespaces and kernel limits."""

from collections.abc import Callable
from pathlib import Path

from gateway.adapters.sandboxes.base import Command, Limits
from gateway.adapters.sandboxes.syscalls import seccomp_filter

_USER = "sandbox"
_ID = "1000"
_HOME = f"/home/{_USER}"
_TEMPORARY = "/tmp"  # noqa: S108 - the sandbox's own, as is the next

# The sandbox's writable folders besides the workspace, with their permissions; they vanish with it.
IN_MEMORY = {_TEMPORARY: "1777", "/dev/shm": "1777", _HOME: "0700"}  # noqa: S108
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": _HOME,
    "USER": _USER,
    "LOGNAME": _USER,
    "LANG": "C.UTF-8",
    "TMPDIR": _TEMPORARY,
    "WORKSPACE": "/workspace",
}
_ETC_FILES = {
    "passwd": f"{_USER}:x:{_ID}:{_ID}::{_HOME}:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n",
    "group": f"{_USER}:x:{_ID}:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost sandbox\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
# What programs and TLS need of the host's settings; none of these holds a secret.
_ETC_FROM_HOST = (
    "alternatives",
    "ld.so.cache",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "ca-certificates",
    "pki/tls/certs",
    "pki/ca-trust/extracted",
)
_TOP_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_OPEN_FILES = 1024
NICENESS = 10
"""How much more than the node a program yields to others. It is set from outside: a program that sets it is one more
to start."""


def options(workspace: str, command: Command, limits: Limits, file: Callable[[bytes], str]) -> list[str]:
    """Return the options for one command; `file` turns content into the number of a descriptor to pass on."""
    return [
        *("--unshare-all", "--unshare-user", "--disable-userns", "--uid", _ID, "--gid", _ID),
        *(("--share-net",) if command.network else ()),
        *("--hostname", "sandbox", "--new-session", "--die-with-parent", "--cap-drop", "ALL"),
        *("--seccomp", file(seccomp_filter())),
        *_environment(command),
        *_system_folders(),
        *_settings(command.network, file),
        *("--proc", "/proc", "--dev", "/dev"),
        *_hidden_kernel_files(),
        *_in_memory(limits.scratch_bytes),
        *("--symlink", _TEMPORARY, "/var/tmp"),  # noqa: S108
        *("--bind", workspace, "/workspace", "--chdir", command.cwd),
        # Bubblewrap makes both in memory, without a limit.
        *("--remount-ro", "/dev", "--remount-ro", "/"),
    ]


def gate(limits: Limits) -> list[str]:
    """Return the program that goes before the user's: it puts itself under the kernel's limits and waits.

    It says that it is there by a newline on stderr, and goes on at a newline on stdin. If we die first, it
    reads the end of the file instead, and the user's program never runs.
    """
    import resource  # absent on systems that have no bubblewrap

    cpu_s = _allowed(resource.RLIMIT_CPU, limits.cpu_s + 1)
    steps = [
        "set -e",
        "ulimit -c 0",
        f"ulimit -n {_allowed(resource.RLIMIT_NOFILE, _OPEN_FILES)}",
        f"ulimit -d {_allowed(resource.RLIMIT_DATA, limits.memory_bytes) // 1024}",
        f"ulimit -f {_allowed(resource.RLIMIT_FSIZE, limits.file_size_bytes) // 512}",
        # At the first limit SIGXCPU, which tells why; at the second SIGKILL.
        f"ulimit -t {cpu_s}",
        f"ulimit -S -t {cpu_s - 1}",
        # Counted within the sandbox; bubblewrap's own first process too. The option's name is the shell's.
        f"ulimit -u {limits.processes + 1} 2>/dev/null || ulimit -p {limits.processes + 1}",
        # When the host runs out of memory, this goes first.
        "echo 1000 >/proc/self/oom_score_adj",
        "echo >&2",
        "read -r go",
        'exec "$@"',
    ]
    return ["/bin/sh", "-c", "\n".join(steps), "sh"]


def _allowed(kind: int, wanted: int) -> int:
    """Return `wanted`, or our own limit where that is lower: nobody may raise it."""
    import resource

    ceiling = resource.getrlimit(kind)[1]
    return wanted if ceiling == resource.RLIM_INFINITY else min(wanted, ceiling)


def _environment(command: Command) -> list[str]:
    result = ["--clearenv"]
    for name, value in {**_ENVIRONMENT, **command.env}.items():
        result += ["--setenv", name, value]
    return result


def _system_folders() -> list[str]:
    result = ["--ro-bind", "/usr", "/usr"]
    for name in _TOP_FOLDERS:
        folder = Path("/", name)
        if folder.is_symlink():
            result += ["--symlink", str(folder.readlink()), str(folder)]
        else:
            result += ["--ro-bind-try", str(folder), str(folder)]
    return result


def _settings(network: bool, file: Callable[[bytes], str]) -> list[str]:
    result = []
    for name, content in _ETC_FILES.items():
        result += ["--perms", "0444", "--file", file(content.encode()), f"/etc/{name}"]
    for name in (*_ETC_FROM_HOST, *(("resolv.conf",) if network else ())):
        result += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return result


def _hidden_kernel_files() -> list[str]:
    """Cover what /proc tells of the user whatever the namespace: the names of the keys in the keyring."""
    keys = "/proc/keys"
    return ["--ro-bind", "/dev/null", keys] if Path(keys).exists() else []


def _in_memory(size: int) -> list[str]:
    result = []
    for folder, permissions in IN_MEMORY.items():
        result += ["--perms", permissions, "--size", str(size), "--tmpfs", folder]
    return result
