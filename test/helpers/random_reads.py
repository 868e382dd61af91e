"""Reads random ranges of files in two trees and compares them.

Arguments: expected tree, found tree, seed, number of ranges, number of readers. Every reader is a
process of its own, so that the readings truly overlap. Prints the differences as JSON; no output
of a reader is a difference as well.
"""
import json
import mmap
import multiprocessing
import os
import random
import sys

MIB = 1024 * 1024
EDGES = [4096, 65536, 131072, 512 * 1024, MIB, 8 * MIB]


def offset_in(choose, size):
    kind = choose.randrange(10)
    if kind < 5:
        return choose.randrange(size + 1)
    if kind < 7:  # around a border of pages, requests or chunks
        edge = choose.choice(EDGES)
        return max(0, choose.randrange(size // edge + 1) * edge + choose.randint(-3, 3))
    if kind < 9:  # the end
        return max(0, size - choose.randrange(1, 10000))
    return size + choose.randrange(0, 100000)  # at the end and beyond


def length_of(choose):
    kind = choose.randrange(10)
    if kind < 3:
        return choose.randrange(1, 100)
    if kind < 6:
        return 4096 * choose.randrange(1, 8) + choose.randint(-1, 1)
    if kind < 9:
        return choose.randrange(1, 200000)
    return choose.randrange(1, 3 * MIB)


def read_mapped(fd, size, offset, length):
    """The same by page faults; a mapping cannot reach beyond the file."""
    if offset >= size or length == 0:
        return b""
    start = offset - offset % mmap.ALLOCATIONGRANULARITY
    end = min(size, offset + length)
    with mmap.mmap(fd, end - start, prot=mmap.PROT_READ, offset=start) as mapped:
        return mapped[offset - start:end - start]


def compare(job):
    expected, found, seed, count = job
    choose = random.Random(seed)
    names = sorted(os.listdir(expected))
    pairs = [[os.open(os.path.join(tree, name), os.O_RDONLY) for tree in (expected, found)] for name in names]
    differences = []
    for _ in range(count):
        which = choose.randrange(len(names))
        want_fd, got_fd = pairs[which]
        size = os.fstat(want_fd).st_size
        offset, length = offset_in(choose, size), length_of(choose)
        want = os.pread(want_fd, length, offset)
        mapped = choose.randrange(10) == 0
        if mapped:
            got = read_mapped(got_fd, size, offset, length)
        else:
            got = os.pread(got_fd, length, offset)
        if got != want:
            way = "mapped" if mapped else "read"
            where = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
            differences.append(
                f"{names[which]} {way} at {offset}, {length} bytes: {len(got)} of {len(want)} bytes, "
                f"different from {where} on (seed {seed})"
            )
    return differences


def main():
    expected, found, seed, count, readers = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    jobs = [(expected, found, seed * 1000 + i, count // readers) for i in range(readers)]
    with multiprocessing.Pool(readers) as pool:
        differences = sum(pool.map(compare, jobs, chunksize=1), [])
    json.dump(differences[:50], sys.stdout)


main()
