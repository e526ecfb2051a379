"""Giving up root, for good: user, group, supplementary groups, no way back.

Comes in: the user's name from the configuration.  Called by the supervisor after ports,
keys and log files are open and before the workers are forked; never undone.
"""

import ctypes
import os
import pwd
from pathlib import Path

PR_SET_NO_NEW_PRIVS = 38
"""prctl(2): no program started from here on can gain rights by set-uid bits."""


class UserProblem(Exception):
    """The server cannot become the user it is told to be; the text has the remedy."""


def find_user(name: str) -> pwd.struct_passwd | None:
    """The user to become; None to stay who we are.  Raises UserProblem."""
    if not name:
        return None
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        remedy = f"useradd --system --home-dir /var/lib/mailclad --shell /usr/sbin/nologin {name}"
        raise UserProblem(f"There is no user {name} on this machine. Make it: {remedy}") from None
    if os.geteuid() == user.pw_uid:
        return None
    if os.geteuid() != 0:
        raise UserProblem(f"Only root can become {name}: start as root or as {name}.")
    return user


def give_up_root(user: pwd.struct_passwd) -> None:
    """Become this user for the rest of the process's life and that of its children."""
    os.setgroups(os.getgrouplist(user.pw_name, user.pw_gid))
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    if os.getresuid() != (user.pw_uid,) * 3 or os.getresgid() != (user.pw_gid,) * 3:
        raise UserProblem(f"The system did not let go of root for {user.pw_name}.")
    os.environ["HOME"] = user.pw_dir
    os.umask(0o077)


def no_new_privileges() -> None:
    """Linux only; elsewhere the change of user is all there is."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def own(path: Path, user: pwd.struct_passwd | None) -> None:
    """Give a directory that root has just made, and what is in it, to the user."""
    if user is None:
        return
    for each in (path, *path.rglob("*")):
        os.chown(each, user.pw_uid, user.pw_gid, follow_symlinks=False)
