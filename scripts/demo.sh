#!/bin/sh
# The demonstration: sets itself up, backs up a real directory of this machine twice with a change in
# between, mounts the snapshots, takes one file back, and says what it did. Leaves one folder.
. "$(dirname "$0")/setup.sh"
set -eu
need_packages mount:mount fusermount3:fuse3
install_dependencies
build

forge() { "$root/bin/forge.cjs" "$@"; }
step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '  $ %s\n' "$*"; }

# A real directory with a few thousand files; every machine has one of these.
for candidate in /usr/share/doc /usr/share /usr/lib /etc; do
  [ -d "$candidate" ] && [ "$(find "$candidate" 2>/dev/null | head -200 | wc -l)" -ge 200 ] && break
done
data=$candidate

work=$(mktemp -d)
notes=$work/notes
mount_point=$work/snapshots
mkdir "$notes" "$mount_point"
mount_pid=
finish() {
  if [ -n "$mount_pid" ]; then
    kill -TERM "$mount_pid" 2>/dev/null || true
    wait "$mount_pid" 2>/dev/null || true
  fi
}
trap finish EXIT
trap 'exit 130' INT TERM

export FORGE_REPOSITORY="$work/repository"
# Real use: leave this out and forge asks, or name a file with --passphrase-file.
export FORGE_PASSPHRASE="correct horse battery staple"

printf 'Buy bread.\n' >"$notes/shopping.txt"
printf 'The only copy of something loved.\n' >"$notes/letter.txt"

step "1. Create an encrypted repository"
show "forge init"
forge init

step "2. Back up $data and a folder of notes"
show "forge backup $data $notes"
forge backup "$data" "$notes"

step "3. Something changes: a note is edited, another is deleted. Back up again"
printf 'Buy bread.\nBuy milk.\n' >"$notes/shopping.txt"
rm "$notes/letter.txt"
show "forge backup $data $notes"
forge backup "$data" "$notes"

step "4. The snapshots, and what changed between them"
show "forge snapshots"
forge snapshots
show "forge diff latest~1 latest"
forge diff latest~1 latest

mounted=no
if [ -e /dev/fuse ] && [ -r /dev/fuse ] && [ -w /dev/fuse ]; then
  step "5. Mount all snapshots and look into them with ordinary tools"
  show "forge mount $mount_point"
  "$root/bin/forge.cjs" mount "$mount_point" 2>"$work/mount.log" &
  mount_pid=$!
  waited=0
  while [ ! -e "$mount_point/snapshots/latest" ] && kill -0 "$mount_pid" 2>/dev/null && [ $waited -lt 100 ]; do
    sleep 0.2
    waited=$((waited + 1))
  done
  if [ -e "$mount_point/snapshots/latest" ]; then
    mounted=yes
    show "ls -l $mount_point/snapshots"
    ls -l "$mount_point/snapshots"
    older=$(ls "$mount_point/snapshots" | sort | head -1)
    show "cat $mount_point/snapshots/$older$notes/letter.txt"
    cat "$mount_point/snapshots/$older$notes/letter.txt"
    show "diff -r --no-dereference $data $mount_point/snapshots/latest$data   (the copy against the original)"
    if diff -r --no-dereference "$data" "$mount_point/snapshots/latest$data" >"$work/diff.log" 2>&1; then
      printf '%s\n' "no difference"
    else
      printf '%s\n' "some differences, see $work/diff.log"
    fi
  else
    printf '%s\n' "The mount did not come up:"
    cat "$work/mount.log"
  fi
else
  step "5. Mounting is left out: /dev/fuse is not there or not yours to use"
fi

step "6. Take back the file that was deleted"
show "forge restore latest~1:$notes --include letter.txt --target $work/restored"
forge restore "latest~1:$notes" --include letter.txt --target "$work/restored"
cat "$work/restored/letter.txt"

step "Done"
printf '%s\n' \
  "Two encrypted snapshots of $data and $notes are in $work/repository." \
  "The deleted letter was read from the first one and restored to $work/restored/letter.txt." \
  "$([ $mounted = yes ] && echo "The mount was served from $mount_point and is now taken down." || echo "Nothing was mounted.")" \
  "" \
  "Look next:" \
  "  export FORGE_REPOSITORY=$work/repository FORGE_PASSPHRASE='$FORGE_PASSPHRASE'" \
  "  $root/bin/forge.cjs ls -l latest $notes" \
  "  $root/bin/forge.cjs find 'shopping*'" \
  "  $root/bin/forge.cjs mount $mount_point" \
  "Remove it all with: rm -rf $work"
