/**
 * Every limit in the system, with its unit and its reason. A decoder checks a length it meets
 * against one of these before it allocates; a writer never goes beyond them.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Largest plaintext of one blob: the largest chunk a config may name (8 MiB) doubled for headroom. */
export const BLOB_BYTES_MAX: number = 16 * MIB;
/** Largest sealed blob: its packed bytes and 28 more; packing may add a little to what does not pack. */
export const SEALED_BLOB_BYTES_MAX: number = BLOB_BYTES_MAX + 64 * KIB;
/** Largest pack a reader accepts. Writers aim at 4–16 MiB; 512 MiB leaves room for other writers. */
export const PACK_BYTES_MAX: number = 512 * MIB;
/** Largest pack directory, plaintext: a pack of 512 MiB filled with blobs of 500 bytes. */
export const PACK_DIRECTORY_BYTES_MAX: number = 64 * MIB;
/** Blobs in one pack; the writer closes the pack earlier. Bounds the directory to 1 MiB. */
export const PACK_BLOBS_TARGET_MAX = 16_384;
/** Records in one index segment: 2^24 × 51 bytes is 816 MiB, read by pages, never whole. */
export const SEGMENT_RECORDS_MAX = 16_777_216;
/** Packs one index segment may describe. */
export const SEGMENT_PACKS_MAX = 1_048_576;
/** Snapshot object, plaintext JSON. Paths and tags are all that grows in it. */
export const SNAPSHOT_BYTES_MAX: number = 4 * MIB;
/** Lease object, plaintext JSON. */
export const LEASE_BYTES_MAX: number = 64 * KIB;
/** Tombstone object, plaintext JSON. */
export const TOMBSTONE_BYTES_MAX: number = 64 * KIB;
/** Collection plan, plaintext JSON: 67 bytes a pack. */
export const PLAN_BYTES_MAX: number = 16 * MIB;
/** Packs in one plan, 4 TB of them; what is beyond is collected by the next run. */
export const PLAN_PACKS_MAX = 200_000;
/** Config object: 200 bytes are used. */
export const CONFIG_BYTES_MAX: number = 64 * KIB;
/** Key slot object: about 300 bytes plus 32 an epoch. */
export const KEY_SLOT_BYTES_MAX: number = 64 * KIB;
/** Lines of one part of a recovery sheet: a config and the largest key slot, 15 bytes a line. */
export const RECOVERY_LINES_MAX = 5000;
/** Key slots read from one repository; more is a denial of service by KDF. */
export const KEY_SLOTS_MAX = 64;
/** Key epochs one slot may carry. */
export const KEY_EPOCHS_MAX = 250;
/** Argon2id parameters accepted from a repository, which may be hostile. */
export const KDF_MEMORY_KIB_MAX: number = MIB;
export const KDF_PASSES_MAX = 16;
export const KDF_LANES_MAX = 16;
/** Argon2id memory forge itself never goes below (RFC 9106, second recommendation). */
export const KDF_MEMORY_KIB_MIN: number = 64 * KIB;
/** A passphrase or key file beyond this is a mistake. */
export const PASSPHRASE_BYTES_MAX: number = 64 * KIB;
export const KEY_FILE_BYTES_MAX: number = MIB;

/** Longest name of a directory entry, bytes: NAME_MAX of every Linux file system. */
export const NAME_BYTES_MAX = 255;
/** Longest symlink target, bytes: PATH_MAX. */
export const LINK_TARGET_BYTES_MAX = 4096;
/** All xattrs of one entry together: the kernel bounds one value to 64 KiB and the list to 64 KiB. */
export const XATTRS_BYTES_MAX: number = 4 * MIB;
/** Entries of one leaf page; cut at half of this on average. */
export const TREE_PAGE_ENTRIES_MAX = 4096;
/** A directory of at most this many entries is one page. */
export const TREE_SINGLE_PAGE_ENTRIES = 1024;
/** A leaf page is cut once its encoding reaches this; one entry adds at most XATTRS_BYTES_MAX. */
export const TREE_PAGE_BYTES_CUT: number = MIB;
/** Levels of page references over the leaf pages of one directory: 512^4 pages are plenty. */
export const TREE_LEVELS_MAX = 4;
/** Chunks a file entry holds itself; beyond, the id of a tree of chunk lists. */
export const INLINE_CHUNKS_MAX = 256;
/** Chunks (or child lists) in one chunk-list blob. */
export const CHUNK_LIST_ENTRIES_MAX = 4096;
export const CHUNK_LIST_LEVELS_MAX = 4;
/** Holes a file entry holds itself; beyond, ids of hole-list blobs. */
export const INLINE_HOLES_MAX = 64;
/** Holes in one hole-list blob: 64 Ki × 16 bytes = 1 MiB. */
export const HOLE_LIST_ENTRIES_MAX = 65_536;
/** Hole-list blobs of one file. */
export const HOLE_LISTS_MAX = 1024;
/** Depth of a directory tree that forge walks: a path of 4,096 one-letter names twice over. */
export const TREE_DEPTH_MAX = 4096;
