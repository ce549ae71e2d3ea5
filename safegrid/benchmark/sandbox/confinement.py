"""Confinement of a process on Linux: namespaces, resource limits, files and system calls.

A process confines itself, for good. Each part that the system does not allow is reported and left
out. Outside Linux there are only the limits of `resource`.
"""

import contextlib
import ctypes
import errno
import os
import platform
import resource
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

PARTS = (  # what each part of the confinement prevents, in the order of `confine`
    "it is in the namespaces of its parent, and sees its processes and network",
    "it can read every file that its parent can read",
    "it can start processes, send signals and open sockets",
)
NEW_NAMESPACES = 0x10000000 | 0x20000000 | 0x40000000 | 0x08000000  # user, pid, net, ipc
SYSTEM = (  # with what libraries choose their code for the processor by
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/dev/urandom"),
    *("/proc/cpuinfo", "/sys/devices/system/cpu"),
)
NO_NEW_PRIVS, SET_SECCOMP, FILTER = 38, 22, 2  # of prctl
READ_FILE, READ_DIR = 4, 8  # rights of Landlock
RIGHTS = {1: 0x1FFF, 2: 0x3FFF}  # all rights on files of Landlock's first versions
ALL_RIGHTS = 0x7FFF  # of version 3 and later ones
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH of seccomp
# System calls that are refused, with their numbers on the MACHINES (include/uapi/asm-generic and
# arch/x86/entry/syscalls of Linux 6.12): new processes and threads, signals and other power over
# processes, network, namespaces, and changes of files that Landlock does not cover.
REFUSED = """
clone 56 220, fork 57 -, vfork 58 -, clone3 435 435, execve 59 221, execveat 322 281,
kill 62 129, tkill 200 130, tgkill 234 131, rt_sigqueueinfo 129 138, rt_tgsigqueueinfo 297 240,
pidfd_send_signal 424 424, pidfd_open 434 434, pidfd_getfd 438 438, ptrace 101 117,
process_vm_readv 310 270, process_vm_writev 311 271, process_madvise 440 440, prlimit64 302 261,
setpriority 141 140, ioprio_set 251 30, sched_setaffinity 203 122, sched_setscheduler 144 119,
sched_setparam 142 118, sched_setattr 314 274, setsid 112 157, setpgid 109 154,
socket 41 198, socketpair 53 199, io_uring_setup 425 425, shmget 29 194, msgget 68 186,
semget 64 190, mq_open 240 180, keyctl 250 219, add_key 248 217, request_key 249 218,
unshare 272 97, setns 308 268, mount 165 40, umount2 166 39, pivot_root 155 41, chroot 161 51,
open_tree 428 428, move_mount 429 429, fsopen 430 430, bpf 321 280, perf_event_open 298 241,
userfaultfd 323 282, chmod 90 -, fchmod 91 52, fchmodat 268 53, fchmodat2 452 452, chown 92 -,
fchown 93 55, lchown 94 -, fchownat 260 54, utime 132 -, utimes 235 -, utimensat 280 88,
futimesat 261 -, setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7, setxattrat 463 463,
removexattr 197 14, lremovexattr 198 15, fremovexattr 199 16, removexattrat 466 466
"""


def separate() -> int:
    """Gives the process's later children namespaces of their own; returns 0 or the error's number.

    Their network has no interface, and the first child, number 1 among their processes, sees no
    other one; its end is the end of all of them.
    """
    user, group = os.getuid(), os.getgid()

    def unshare() -> None:
        _call("unshare", NEW_NAMESPACES)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")

    return _attempt(unshare)


def confine(
    memory: int, seconds: int, readable: Iterable[str], listable: Iterable[str]
) -> tuple[int, int]:
    """Limits resources, files and system calls; returns the errors' numbers of the last two, or 0.

    memory: bytes of address space. seconds: of computing. readable: files and folders that may be
    read; no file may be written. listable: folders whose names may be read.
    """
    limits = {
        "RLIMIT_AS": memory,
        "RLIMIT_CPU": seconds,
        "RLIMIT_NOFILE": 64,
        "RLIMIT_NPROC": 1,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
    }
    for name, most in limits.items():
        with contextlib.suppress(ValueError, OSError, AttributeError):  # not on this system
            resource.setrlimit(getattr(resource, name), (most, most))
    files = _attempt(lambda: _restrict_files(readable, listable))
    return files, _attempt(_restrict_calls)


def _restrict_files(readable: Iterable[str], listable: Iterable[str]) -> None:
    """Landlock: no file or folder but these can be opened. OSError where it is not there."""
    version = _call("syscall", 444, 0, 0, 1)
    handled = struct.pack("Q", RIGHTS.get(version, ALL_RIGHTS))
    rules = _call("syscall", 444, handled, len(handled), 0)
    try:
        for rights, paths in ((READ_FILE | READ_DIR, readable), (READ_DIR, listable)):
            for path in paths:
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    _allow(rules, path, rights)
        _no_new_privileges()
        _call("syscall", 446, rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    """Adds rights on a path, and on all that is below it, to Landlock's rules."""
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights &= ~0 if os.path.isdir(path) else ~READ_DIR
        _call("syscall", 445, rules, 1, struct.pack("=Qi", rights, opened), 0)
    finally:
        os.close(opened)


def _restrict_calls() -> None:
    """Seccomp: system calls of REFUSED fail with EPERM. OSError where it is not there.

    The program is one of the classic Berkeley packet filter, see seccomp(2).
    """
    machine = platform.machine()
    if machine not in MACHINES:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    words = [call.split() for call in REFUSED.replace("\n", " ").split(",")]
    which = 1 + list(MACHINES).index(machine)
    numbers = [int(call[which]) for call in words if call[which] != "-"]
    program = [
        (0x20, 0, 0, 4),  # load the machine
        (0x15, 1, 0, MACHINES[machine]),  # skip one if it is this one
        (0x06, 0, 0, 0x80000000),  # end the process
        (0x20, 0, 0, 0),  # load the number of the call
        (0x35, len(numbers) + 1, 0, 0x40000000),  # refuse those of x86's x32 interface
        *((0x15, len(numbers) - i, 0, number) for i, number in enumerate(numbers)),
        (0x06, 0, 0, 0x7FFF0000),  # allow
        (0x06, 0, 0, 0x00050000 | errno.EPERM),  # refuse
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    _no_new_privileges()
    _call("capset", struct.pack("Ii", 0x20080522, 0), bytes(24))  # in its namespace it has all
    _call("prctl", SET_SECCOMP, FILTER, struct.pack("HP", len(program), ctypes.addressof(code)))


def _no_new_privileges() -> None:
    _call("prctl", NO_NEW_PRIVS, 1, 0, 0, 0)


def _call(name: str, *arguments: Any) -> int:
    """A function of the C library. OSError where it returns -1, or is not there."""
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    result = int(function(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)))
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _attempt(part: Callable[[], None]) -> int:
    try:
        part()
    except OSError as error:
        return error.errno or errno.EPERM
    return 0
