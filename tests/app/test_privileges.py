"""Root is given up for good, and who cannot is told why."""

import json
import os
import pwd
import subprocess
import sys

import pytest

from mailclad.app.privileges import UserProblem, find_user

SCRIPT = """
import json, os
from mailclad.app.privileges import find_user, give_up_root, no_new_privileges
give_up_root(find_user("nobody")); no_new_privileges()
try: os.setuid(0); back = True
except PermissionError: back = False
locked = "NoNewPrivs:\\t1" in open("/proc/self/status").read()
print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups(), back, locked]))
"""


def test_an_unknown_user_is_named_with_the_command_that_makes_it() -> None:
    with pytest.raises(UserProblem, match=r"useradd --system .* nobody-at-all"):
        find_user("nobody-at-all")


def test_without_a_user_or_being_it_already_nothing_changes() -> None:
    assert find_user("") is None
    assert find_user(pwd.getpwuid(os.geteuid()).pw_name) is None


def test_after_giving_up_root_there_is_no_way_back() -> None:
    if os.geteuid() != 0:
        with pytest.raises(UserProblem, match="Only root can become nobody"):
            find_user("nobody")
        return
    nobody = pwd.getpwnam("nobody")
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True)
    uids, gids, groups, back, locked = json.loads(done.stdout)
    assert uids == [nobody.pw_uid] * 3
    assert gids == [nobody.pw_gid] * 3
    assert groups == [nobody.pw_gid]
    assert not back
    assert locked
