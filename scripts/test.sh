#!/bin/sh
# The test command: sets itself up, then runs the suite. Arguments go to vitest.
. "$(dirname "$0")/setup.sh"
need_packages mount:mount fusermount3:fuse3 getfattr:attr setfacl:acl rsync:rsync strace:strace python3:python3 setpriv:util-linux mkfs.xfs:xfsprogs mkfs.ext4:e2fsprogs mkfs.btrfs:btrfs-progs \
  curl:curl openssl:openssl cadaver:cadaver mount.davfs:davfs2 rclone:rclone /usr/lib/gvfs/gvfsd-dav:gvfs-backends gio:libglib2.0-bin dbus-run-session:dbus \
  chromium:chromium unzip:unzip bsdtar:libarchive-tools 7z:p7zip-full
# fusermount3 and mount.davfs look mounts up there; a bare chroot lacks it.
if [ "$(id -u)" = 0 ] && [ ! -e /etc/mtab ]; then ln -s /proc/self/mounts /etc/mtab; fi
install_dependencies
build
exec vitest run "$@"
