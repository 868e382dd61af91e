"""What a program does in a mount, timed inside this process. Prints one JSON object.

mount_work.py ready PATH SECONDS            until PATH can be listed and is not empty; the clock's value then
mount_work.py sequential BYTES FILE…        the first BYTES of the files, 128 KiB a read, as cat does
mount_work.py random COUNT SEED FILE…       COUNT reads of 4 KiB at seeded places
mount_work.py list PATH                     every entry of PATH with what stat(2) tells, as ls -l does
mount_work.py files LIST ROOT               every file named in LIST below ROOT, one after another
"""
import json
import os
import random
import sys
import time


def ready(path, seconds):
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        try:
            if os.listdir(path):
                return {"atSeconds": time.monotonic()}
        except OSError:
            pass
        time.sleep(0.002)
    raise SystemExit(f"{path} was not there after {seconds} s")


def sequential(limit, *files):
    buffer = bytearray(128 * 1024)
    left = int(limit)
    for name in files:
        fd = os.open(name, os.O_RDONLY)
        while left > 0:
            got = os.readv(fd, [buffer])
            if got == 0:
                break
            left -= got
        os.close(fd)
    return {"bytes": int(limit) - left}


def random_reads(count, seed, *files):
    numbers = random.Random(int(seed))
    opened = [(os.open(name, os.O_RDONLY), os.stat(name).st_size) for name in files]
    total = 0
    for _ in range(int(count)):
        fd, size = numbers.choice(opened)
        total += len(os.pread(fd, 4096, numbers.randrange(max(1, size - 4096))))
    return {"bytes": total}


def list_folder(path):
    entries = os.scandir(path)
    return {"bytes": sum(entry.stat(follow_symlinks=False).st_size for entry in entries), "entries": len(os.listdir(path))}


def files(names, root):
    total = 0
    count = 0
    with open(names, "rb") as listing:
        paths = [os.path.join(os.fsencode(root), line) for line in listing.read().split(b"\0") if line]
    begun = time.monotonic()
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        while True:
            piece = os.read(fd, 128 * 1024)
            total += len(piece)
            if len(piece) == 0:
                break
        os.close(fd)
        count += 1
    return {"bytes": total, "files": count, "seconds": time.monotonic() - begun}


WORK = {"ready": ready, "sequential": sequential, "random": random_reads, "files": files, "list": list_folder}
begun = time.monotonic()
report = WORK[sys.argv[1]](*sys.argv[2:])
report.setdefault("seconds", time.monotonic() - begun)
print(json.dumps(report))
