"""Reads the first COUNT files of a folder, in order of their names, one after another in this process,
then prints as JSON the names of all files of which the kernel has every page: mincore(2) does not read.

resident_pages.py FOLDER COUNT
"""
import ctypes
import json
import os
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
PAGE = os.sysconf("SC_PAGE_SIZE")
PROT_READ, MAP_SHARED = 1, 1


def is_resident(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        pages = (size + PAGE - 1) // PAGE
        found = ctypes.create_string_buffer(pages)
        address = libc.mmap(None, size, PROT_READ, MAP_SHARED, fd, 0)
        if libc.mincore(address, size, found) != 0:
            raise OSError(ctypes.get_errno(), "mincore")
        libc.munmap(address, size)
        return all(byte & 1 for byte in found.raw)
    finally:
        os.close(fd)


folder, count = sys.argv[1], int(sys.argv[2])
names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False))
for name in names[:count]:
    with open(os.path.join(folder, name), "rb") as file:
        file.read()
# What is given ahead is given by another thread, soon afterwards.
time.sleep(0.3)
print(json.dumps([name for name in names if is_resident(os.path.join(folder, name))]))
