"""A small program that starts another one: `python -I -S launch.py JSON`, then becomes it.

The JSON says {"argv": […], "parent": pid, "death": signal number, "account": [uid, gid] or null, "home": [real, seen]
or null, "folder": working directory or null}. In this order, because each step undoes an earlier one:

1. `home`: in a mount namespace of its own the folder `real` also appears at `seen`. So an account that may not pass
   through the parents of the home folder (`/root` is 0700) reaches the home, and no parent is opened to anybody.
2. `account`: groups, gid, uid. Nothing of root is kept.
3. `death`: the kernel sends this signal when the parent dies (changing the account would clear it). A parent that has
   died already is noticed by its pid. "Parent" is the *thread* that started us, so starters use their main thread.

Runs alone, so that no code runs between fork and exec of a process with threads. Exit 97: a step failed, the reason
is on standard error.
"""

import ctypes
import json
import os
import sys

PR_SET_PDEATHSIG = 1
CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
FAILED = 97

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _show_home(real: str, seen: str) -> None:
    _check(_libc.unshare(CLONE_NEWNS), "unshare")
    _check(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount --make-rprivate")
    _check(_libc.mount(os.fsencode(real), os.fsencode(seen), None, MS_BIND | MS_REC, None), f"mount --bind {seen}")


def main(text: str) -> None:
    order = json.loads(text)
    try:
        if order["home"]:
            _show_home(*order["home"])
        if order["account"]:
            uid, gid = order["account"]
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
        if order["death"]:
            _check(_libc.prctl(PR_SET_PDEATHSIG, order["death"], 0, 0, 0), "prctl")
            if os.getppid() != order["parent"]:
                sys.exit(FAILED)
        if order["folder"]:
            os.chdir(order["folder"])
        os.execv(order["argv"][0], order["argv"])  # noqa: S606 - to become it is the point
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(FAILED)


if __name__ == "__main__":
    main(sys.argv[1])
