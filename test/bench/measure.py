"""Runs one command and reports what it cost, as the operating system counted it.

measure.py RESULT STDOUT STDERR COMMAND…   STDOUT and STDERR are files, /dev/null among them.

RESULT gets one JSON object: seconds, cpuSeconds (user and system, children included), peakBytes (the
largest resident size of the command or of a child of it) and status. A tiny parent: on Linux a child
begins with the resident size of whoever forked it.
"""
import json
import os
import sys
import time

result, stdout, stderr, *command = sys.argv[1:]
FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
actions = [
    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
    (os.POSIX_SPAWN_OPEN, 1, stdout, FLAGS, 0o600),
    (os.POSIX_SPAWN_OPEN, 2, stderr, FLAGS, 0o600),
]
begun = time.monotonic()
pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
_, status, usage = os.wait4(pid, 0)
seconds = time.monotonic() - begun
with open(result, "w") as file:
    json.dump(
        {
            "seconds": seconds,
            "cpuSeconds": usage.ru_utime + usage.ru_stime,
            "peakBytes": usage.ru_maxrss * 1024,
            "status": os.waitstatus_to_exitcode(status),
        },
        file,
    )
