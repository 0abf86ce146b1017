"""What the operating system grants a process: open files, and an end together with its parent."""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def raise_open_files(wanted: int) -> int:
    """Lift the soft limit towards `wanted`, as far as the hard one allows. Returns what holds now.

    Never lowers the limit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
    return target


def end_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent goes, however it goes. Linux only.

    Call it first thing in the child, from the process's main thread.
    """
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have gone before the kernel was told to watch it.
    if os.getppid() != parent_pid:
        os._exit(1)
