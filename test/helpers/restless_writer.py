"""Changes files of a folder without pause until it is told to stop by a line on stdin.

Every kind of file has contents that tell whether they are a state that existed:

  log-N      grows: always a beginning of the numbered lines 0, 1, 2 …
  cut-N      grows, and is cut to nothing from time to time: the same
  swap-N     replaced by rename: one letter, always 300,000 times
  block-N    rewritten in place from the beginning to the end: some of the new letter, then the old
  come-N     made and removed again
  dir-N      folders with a file in them, made, filled and removed
"""
import os
import select
import shutil
import string
import sys

BLOCK = 4096
LETTERS = string.ascii_letters
KINDS = 6
SIZE = 300_000


def lines(first, count):
    return "".join(f"{number:09d}\n" for number in range(first, first + count)).encode()


def main():
    os.chdir(sys.argv[1])
    each = int(sys.argv[2])
    at = {f"{kind}-{i}": 0 for kind in ("log", "cut") for i in range(each)}
    for i in range(each):
        with open(f"block-{i}", "wb") as file:
            file.write(b"a" * SIZE)
    print("ready", flush=True)
    step = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        step += 1
        i = step % each
        letter = LETTERS[step % len(LETTERS)].encode()
        for kind in ("log", "cut"):
            name = f"{kind}-{i}"
            if kind == "cut" and step % 7 == 0:
                os.truncate(name, 0) if os.path.exists(name) else None
                at[name] = 0
            with open(name, "ab", buffering=0) as file:
                file.write(lines(at[name], 500))
            at[name] += 500
        with open(f"swap-{i}.new", "wb") as file:
            file.write(letter * SIZE)
        os.rename(f"swap-{i}.new", f"swap-{i}")
        block = os.open(f"block-{i}", os.O_WRONLY)
        for offset in range(0, SIZE, BLOCK):
            os.pwrite(block, letter * min(BLOCK, SIZE - offset), offset)
        os.close(block)
        if step % 2:
            open(f"come-{i}", "wb").close()
            os.makedirs(f"dir-{i}/sub", exist_ok=True)
            with open(f"dir-{i}/sub/file", "wb") as file:
                file.write(letter * 1000)
        else:
            if os.path.exists(f"come-{i}"):
                os.remove(f"come-{i}")
            shutil.rmtree(f"dir-{(i + 1) % each}", ignore_errors=True)
    print(step, flush=True)


main()
