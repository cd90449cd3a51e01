"""The isolation probes: what a program might try in order to reach past its sandbox.

Each is Python that sets `leak`; an OSError means that the attempt failed. `f` holds the planted facts, the
functions used are in `probe_harness`. `control` names where it must leak, which proves that it can: on the `host`,
or in the `open` sandbox, whose guards are taken away; whatever could harm the host is tried in the latter.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Probe:
    """One attempt."""

    name: str
    control: str
    attempt: str


def _host(**attempts: str) -> list[Probe]:
    return [Probe(name.replace("_", " "), "host", attempt) for name, attempt in attempts.items()]


def _open(**attempts: str) -> list[Probe]:
    return [Probe(name.replace("_", " "), "open", attempt) for name, attempt in attempts.items()]


FILES = _host(
    a_private_key_in_the_home_folder="leak = f.token in read(f.home + '/.ssh/id_ed25519')",
    the_home_folder_by_its_environment="leak = f.token in listing(os.path.expanduser('~'))",
    the_keys_of_the_data_directory="leak = f.token in read(f.data + '/keys/master')",
    the_workspace_of_another_run="leak = f.token in read(f.other_workspace + '/secret')",
    the_host_path_of_its_own_workspace="leak = os.path.exists(f.workspace)",
    the_source_of_the_project="leak = os.path.exists(f.project)",
    the_tmp_of_the_host="leak = f.token in listing('/tmp')",
    the_var_tmp_of_the_host="leak = f.token in listing('/var/tmp')",
    the_shared_memory_folder_of_the_host="leak = f.token in listing('/dev/shm')",
    the_run_folder_of_the_host="leak = bool(os.listdir('/run'))",
    the_password_file_of_the_host="leak = 'root:' in read('/etc/passwd')",
    the_shadow_file="leak = os.path.exists('/etc/shadow')",
    a_link_to_a_file_of_the_host="os.symlink(f.home + '/.ssh/id_ed25519', 'link'); leak = f.token in read('link')",
    a_hard_link_to_a_file_of_the_host="os.link(f.home + '/.ssh/id_ed25519', 'hard'); leak = True",
    the_working_folder_of_the_node="leak = os.getcwd() == f.node_cwd or os.path.isdir(f.node_cwd)",
)

PLANTED = _host(
    a_planted_link_to_a_file="os.symlink(f.home + '/.ssh/id_ed25519', f.out + '/link')",
    a_planted_link_to_a_folder="os.symlink(f.home, f.out + '/folder')",
    a_planted_link_to_a_process="os.symlink(f'/proc/{f.node}/environ', f.out + '/process')",
)

ENVIRONMENT = _host(
    a_secret_in_the_environment="leak = f.token in str(os.environ)",
    a_secret_in_its_first_environment="leak = f.token in read('/proc/self/environ')",
    a_secret_in_any_environment="leak = any(f.token in readable(p) for p in glob('/proc/[0-9]*/environ'))",
    a_secret_in_any_argument_list="leak = any(f.token in readable(p) for p in glob('/proc/[0-9]*/cmdline'))",
    the_name_of_the_host="leak = socket.gethostname() == f.hostname",
)

INHERITED = _host(
    an_open_file_of_the_node="leak = any(f.token in os.pread(d, 999, 0).decode() for d in descriptors())",
    any_descriptor_of_the_node="leak = bool(descriptors())",
    the_terminal_of_the_node="leak = os.open('/dev/tty', os.O_RDWR) >= 0",
    the_other_terminals="leak = any(name.isdigit() for name in os.listdir('/dev/pts'))",
    words_typed_into_a_terminal="leak = type_into_a_terminal()",
    the_session_keyring="leak = f.token in key(f.key_name)",
    the_names_of_the_keys="leak = f.key_name in read('/proc/keys')",
    limits_that_can_be_raised="resource.setrlimit(resource.RLIMIT_NOFILE, (1025, 1025)); leak = True",
)

PROCESSES = _host(
    another_process_is_listed="leak = f.token in readable(f'/proc/{f.victim}/cmdline')",
    another_process_can_be_signalled="os.kill(f.victim, signal.SIGCONT); leak = True",
    another_process_can_be_held_by_descriptor="os.close(os.pidfd_open(f.victim)); leak = True",
    another_process_can_be_traced="leak = trace(f.victim)",
    the_memory_of_another_process_by_file="leak = f.token in memory_by_file(f.victim, f.address)",
    the_memory_of_another_process_by_call="leak = f.token in memory_by_call(f.victim, f.address)",
    the_environment_of_another_process="leak = f.token in read(f'/proc/{f.victim}/environ')",
    the_files_of_another_process="leak = bool(os.listdir(f'/proc/{f.victim}/fd'))",
    the_root_of_another_process="leak = os.path.exists(f'/proc/{f.victim}/root{f.home}')",
    the_namespaces_of_another_process="os.close(os.open(f'/proc/{f.victim}/ns/mnt', os.O_RDONLY)); leak = True",
    the_limits_of_another_process="leak = bool(resource.prlimit(f.victim, resource.RLIMIT_NOFILE))",
    the_first_process_of_the_host="leak = read('/proc/1/cmdline') == f.first_process",
)

SOCKETS = _host(
    a_server_on_the_loopback="leak = f.token in answer(socket.AF_INET, ('127.0.0.1', f.tcp))",
    a_name_server="leak = f.token in ask(('127.0.0.1', f.udp))",
    a_socket_in_the_file_system="leak = f.token in answer(socket.AF_UNIX, f.unix)",
    a_socket_with_an_abstract_name="leak = f.token in answer(socket.AF_UNIX, '\\0' + f.abstract)",
    the_sockets_of_the_host_are_listed="leak = f'{f.tcp:04X}' in read('/proc/net/tcp')",
    the_address_of_a_name_server="leak = os.path.exists('/etc/resolv.conf')",
)

MEMORY = _host(
    shared_memory_of_the_host="leak = f.token in system_v_memory(f.shm_key)",
    a_message_queue_of_the_host="leak = message_queue(f.queue)",
)

NAMESPACES = _host(
    **{
        f"the_{name}_namespace_of_the_host": f"leak = os.readlink('/proc/self/ns/{kind}') == f.namespaces['{kind}']"
        for kind, name in {
            "user": "user",
            "mnt": "mount",
            "pid": "process",
            "net": "network",
            "ipc": "ipc",
            "uts": "host_name",
        }.items()
    },
) + _open(
    a_user_namespace_of_its_own="leak = call('unshare', 0x10000000) == 0",
    a_mount_namespace_of_its_own="leak = call('unshare', 0x20000) == 0",
)

PRIVILEGES = _open(
    capabilities="leak = status('CapEff') != 0 or status('CapPrm') != 0",
    becoming_root="os.setuid(0); leak = True",
    changing_the_name_of_the_host="socket.sethostname(socket.gethostname()); leak = True",
    mounting_a_file_system="leak = call('mount', b'none', b'.', b'tmpfs', 0, None) == 0",
    making_the_system_writable="leak = call('mount', None, b'/usr', None, 0x1020, None) == 0",
    changing_the_root="os.chroot('.'); leak = True",
    settings_of_the_kernel="os.close(os.open('/proc/sys/net/ipv4/ip_forward', os.O_WRONLY)); leak = True",
    a_raw_network_socket="socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(); leak = True",
    a_socket_below_the_network="socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(); leak = True",
)

DEVICES = _host(
    devices_of_the_machine="leak = bool(set(os.listdir('/dev')) - HARMLESS_DEVICES)",
    the_system_folder_of_the_kernel="leak = bool(os.listdir('/sys'))",
    programs_that_change_the_user="leak = not os.statvfs('/usr').f_flag & os.ST_NOSUID",
    gaining_privileges_by_a_program="leak = status('NoNewPrivs') == 0",
)

WRITING = _open(
    writing_to_the_top_folder="leak = write('/')",
    writing_to_the_settings="leak = write('/etc')",
    writing_to_the_programs="leak = write('/usr/local')",
    writing_to_the_devices="leak = write('/dev')",
)

KERNEL = _host(
    keys_of_the_kernel="leak = reaches(250, 219, 0, -3, 0)",
    programs_in_the_kernel="leak = reaches(321, 280, 0, 0, 0)",
    requests_past_the_filter="leak = reaches(425, 425, 1, 0, 0)",
    the_messages_of_the_kernel="leak = reaches(103, 116, 10, 0, 0)",
)

PROBES = [
    *FILES,
    *PLANTED,
    *ENVIRONMENT,
    *INHERITED,
    *PROCESSES,
    *SOCKETS,
    *MEMORY,
    *NAMESPACES,
    *PRIVILEGES,
    *DEVICES,
    *WRITING,
    *KERNEL,
]
