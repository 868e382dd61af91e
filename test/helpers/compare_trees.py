"""Compares two directory trees and prints their differences as a JSON list of strings.

Shares no code with forge: the standard library's own system calls. Walks by directory descriptors,
so paths may be longer than PATH_MAX and names may be any bytes.
"""

import json
import os
import resource
import stat
import sys

CHUNK = 1 << 20


def shown(path):
    return path.decode("utf-8", "backslashreplace").replace("\n", "\\n")


class Side:
    """One of the two trees: remembers its hard links."""

    def __init__(self, root):
        self.fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        self.first_names = {}

    def link_group(self, info, path):
        return self.first_names.setdefault((info.st_dev, info.st_ino), path)


class Comparison:
    def __init__(self, options):
        self.options = options
        self.differences = []

    def say(self, path, text):
        self.differences.append(f"{shown(path)}: {text}")

    def run(self, a, b):
        self.entry(a.fd, b.fd, None, b"/", a, b)
        # (descriptors of the two directories, path, names left): no recursion, whatever the depth.
        stack = [self.open_level(a.fd, b.fd, b"", own=False)]
        while stack:
            fda, fdb, path, names, own = stack[-1]
            if not names or len(self.differences) > 200:
                stack.pop()
                if own:
                    os.close(fda)
                    os.close(fdb)
                continue
            name = names.pop()
            below = path + b"/" + name
            if self.entry(fda, fdb, name, below, a, b):
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                stack.append(
                    self.open_level(
                        os.open(name, flags, dir_fd=fda),
                        os.open(name, flags, dir_fd=fdb),
                        below,
                        own=True,
                    )
                )

    def open_level(self, fda, fdb, path, own):
        names_a = {os.fsencode(name) for name in os.listdir(fda)}
        names_b = {os.fsencode(name) for name in os.listdir(fdb)}
        ignored = {os.fsencode(name) for name in self.options["ignoreNames"]} if path == b"" else set()
        for name in sorted((names_a - names_b) - ignored):
            self.say(path + b"/" + name, "is missing")
        for name in sorted((names_b - names_a) - ignored):
            self.say(path + b"/" + name, "should not be there")
        return fda, fdb, path, sorted((names_a & names_b) - ignored, reverse=True), own

    def entry(self, fda, fdb, name, path, a, b):
        """Compares one entry; true when it is a directory on both sides."""
        if name is None:
            info_a, info_b = os.fstat(fda), os.fstat(fdb)
        else:
            info_a = os.stat(name, dir_fd=fda, follow_symlinks=False)
            info_b = os.stat(name, dir_fd=fdb, follow_symlinks=False)
        if stat.S_IFMT(info_a.st_mode) != stat.S_IFMT(info_b.st_mode):
            self.say(path, f"is {kind(info_b)} and should be {kind(info_a)}")
            return False
        is_directory = stat.S_ISDIR(info_a.st_mode)
        if name is None and not self.options["top"]:
            return is_directory
        self.metadata(path, info_a, info_b)
        if not is_directory and self.options["hardLinks"]:
            if info_a.st_nlink != info_b.st_nlink:
                self.say(path, f"has {info_b.st_nlink} links and should have {info_a.st_nlink}")
            group_a, group_b = a.link_group(info_a, path), b.link_group(info_b, path)
            if group_a != group_b:
                self.say(path, f"is a link of {shown(group_b)} and should be of {shown(group_a)}")
        if self.options["xattrs"]:
            self.xattrs(fda, fdb, name, path)
        if stat.S_ISLNK(info_a.st_mode):
            target_a = os.readlink(name, dir_fd=fda)
            target_b = os.readlink(name, dir_fd=fdb)
            if target_a != target_b:
                self.say(path, f"points to {target_b!r} and should to {target_a!r}")
        if stat.S_ISREG(info_a.st_mode):
            self.content(fda, fdb, name, path)
        return is_directory

    def metadata(self, path, a, b):
        checks = [("mode", oct(a.st_mode & 0o7777), oct(b.st_mode & 0o7777))]
        if self.options["owners"]:
            checks += [("uid", a.st_uid, b.st_uid), ("gid", a.st_gid, b.st_gid)]
        if self.options["times"]:
            checks.append(("mtime in ns", a.st_mtime_ns, b.st_mtime_ns))
        if stat.S_ISREG(a.st_mode) or stat.S_ISLNK(a.st_mode):
            checks.append(("size", a.st_size, b.st_size))
        if stat.S_ISCHR(a.st_mode) or stat.S_ISBLK(a.st_mode):
            checks.append(("device", a.st_rdev, b.st_rdev))
        for what, expected, found in checks:
            if expected != found:
                self.say(path, f"has {what} {found} and should have {expected}")

    def xattrs(self, fda, fdb, name, path):
        a, b = read_xattrs(fda, name), read_xattrs(fdb, name)
        for prefix in self.options["ignoreXattrs"]:
            a = {key: value for key, value in a.items() if not key.startswith(prefix)}
            b = {key: value for key, value in b.items() if not key.startswith(prefix)}
        for key in sorted(set(a) | set(b)):
            if a.get(key) != b.get(key):
                expected, found = brief(a.get(key)), brief(b.get(key))
                self.say(path, f"has attribute {key!r} {found} and should have {expected}")

    def content(self, fda, fdb, name, path):
        flags = os.O_RDONLY | os.O_NOFOLLOW
        file_a = os.open(name, flags, dir_fd=fda)
        file_b = os.open(name, flags, dir_fd=fdb)
        try:
            map_a, map_b = data_map(file_a), data_map(file_b)
            if self.options["holes"] and map_a != map_b:
                self.say(path, f"has data at {map_b[:4]} and should at {map_a[:4]} ({len(map_a)} runs)")
            for start, end in union(map_a, map_b):
                at = start
                while at < end:
                    length = min(CHUNK, end - at)
                    if os.pread(file_a, length, at) != os.pread(file_b, length, at):
                        self.say(path, f"differs in content between {at} and {at + length}")
                        return
                    at += length
        finally:
            os.close(file_a)
            os.close(file_b)


def kind(info):
    return stat.filemode(info.st_mode)[0]


def brief(value):
    if value is None:
        return "absent"
    return f"{value[:32].hex()} ({len(value)} bytes)"


def read_xattrs(dirfd, name):
    base = b"/proc/self/fd/%d" % dirfd
    path = base + b"/." if name is None else base + b"/" + name
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        if error.errno == 95:
            return {}
        raise
    return {key: os.getxattr(path, os.fsencode(key), follow_symlinks=False) for key in names}


def data_map(fd):
    """Runs of data as [start, end] pairs, touching ones joined."""
    size = os.fstat(fd).st_size
    runs, at = [], 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == 6:
                break
            raise
        at = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        if runs and runs[-1][1] == start:
            runs[-1][1] = at
        else:
            runs.append([start, at])
    return runs


def union(a, b):
    joined = []
    for start, end in sorted(a + b):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return joined


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    expected, found, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    comparison = Comparison(options)
    comparison.run(Side(expected), Side(found))
    json.dump(comparison.differences, sys.stdout)


main()
