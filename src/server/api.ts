/**
 * The web API: what the file browser in `web-ui/` asks and what it is answered. Types alone; both
 * sides import them, so a change that only one of them knows does not compile.
 *
 * Paths. A name in a backup is bytes, not always text. `EncodedPath` carries them: the names from the
 * root of the snapshot, joined by `/`, each as in a URL (all bytes but letters, digits and
 * `-._~!'()*` as `%XX`). The root is the empty string. It is put into URLs as it stands, never encoded or
 * decoded by the browser's side; what people see is `name`, and `PathCrumb.name` on the way there.
 *
 * Every answer that is not 2xx is an `ApiError`. What changes something is POST or DELETE with JSON
 * and carries the header `X-Forge-Csrf`, whose value `SessionInfo` has. Lists that may take long are
 * streams of JSON lines (`application/x-ndjson`), the last line being "done" or "failed": a stream
 * that ends without one was cut.
 */

export type EncodedPath = string;
export type EncodedName = string;

/** Milliseconds since 1970; of files before 1970 negative. */
export type TimeMs = number;

export type EntryType =
  "file" | "directory" | "symlink" | "fifo" | "socket" | "char-device" | "block-device";

export interface ApiError {
  readonly error: {
    /** A ForgeError's code, or "unauthenticated", "forbidden", "too-many-attempts", "internal". */
    readonly code: string;
    /** For people: what was attempted, on what, what was found. */
    readonly message: string;
    /** With "too-many-attempts". */
    readonly retryAfterSeconds?: number | undefined;
  };
}

// ── Session ───────────────────────────────────────────────────────────────────────────────────────

/** `GET /api/session` (also without being logged in) and the answer of `POST /api/session`. */
export type SessionInfo =
  | { readonly authenticated: false; readonly program: string }
  | {
      readonly authenticated: true;
      readonly program: string;
      /** Value of the header `X-Forge-Csrf`. */
      readonly csrfToken: string;
      /** As the person who started the server named it. */
      readonly repository: string;
      /** Whether files can be restored to folders of the server's machine, and which: none = any. */
      readonly restore: { readonly allowed: boolean; readonly roots: readonly string[] };
      /** Name of the server's machine. */
      readonly hostname: string;
    };

/** `POST /api/session`: one of the two. `DELETE /api/session` logs out. */
export interface LoginRequest {
  readonly password?: string | undefined;
  /** From the link that `forge browse` opens (`#login=…`); good once. */
  readonly ticket?: string | undefined;
}

// ── Snapshots ─────────────────────────────────────────────────────────────────────────────────────

export interface SnapshotStats {
  readonly files: number;
  readonly directories: number;
  readonly others: number;
  /** Logical size. */
  readonly bytes: number;
  readonly filesNew: number;
  readonly filesChanged: number;
  readonly filesUnchanged: number;
  readonly bytesNew: number;
  /** What it added to the storage. */
  readonly bytesStored: number;
}

export interface SnapshotInfo {
  readonly id: string;
  readonly shortId: string;
  readonly timeMs: TimeMs;
  readonly endTimeMs: TimeMs;
  readonly hostname: string;
  readonly username: string;
  /** What was backed up: for people, and where to find it in the snapshot. */
  readonly paths: readonly { readonly name: string; readonly path: EncodedPath }[];
  readonly tags: readonly string[];
  readonly label: string | undefined;
  readonly name: string | undefined;
  readonly parentId: string | undefined;
  readonly stats: SnapshotStats;
  /** Entries left out or incomplete when it was made. */
  readonly problems: number;
  readonly program: string;
}

/** `GET /api/snapshots`: all, the newest first. */
export interface SnapshotList {
  readonly snapshots: readonly SnapshotInfo[];
  /** Snapshots that are there and cannot be read, one sentence each. */
  readonly problems: readonly string[];
}

// ── Folders and entries ───────────────────────────────────────────────────────────────────────────

export interface Entry {
  /** For people. Control characters and bytes that are no text are escaped. */
  readonly name: string;
  readonly key: EncodedName;
  readonly type: EntryType;
  /** Of files; 0 otherwise. */
  readonly sizeBytes: number;
  readonly mtimeMs: TimeMs;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  /** `user:group`, numbers where there is no name. */
  readonly owner: string;
  /** Of symlinks, for people. */
  readonly target?: string | undefined;
}

export interface PathCrumb {
  readonly name: string;
  readonly path: EncodedPath;
}

/**
 * `GET /api/snapshots/{id}/folder/{path}?from=0&limit=5000`: entries in order of their name bytes,
 * from entry number `from`. `next` is where to go on, absent at the end. `{id}` may be `latest`.
 */
export interface FolderPage {
  readonly snapshotId: string;
  /** From the root to this folder, the root not included. */
  readonly crumbs: readonly PathCrumb[];
  readonly entries: readonly Entry[];
  readonly next?: number | undefined;
}

/** `GET /api/snapshots/{id}/entry/{path}`: all that is known of one entry. */
export interface EntryDetails {
  readonly snapshotId: string;
  readonly crumbs: readonly PathCrumb[];
  readonly entry: Entry;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  readonly linkCount: number;
  /** Bytes on disk, holes left out. */
  readonly allocatedBytes: number;
  readonly xattrs: readonly { readonly name: string; readonly value: string }[];
  /** Of files: 8 hex digits. */
  readonly crc32?: string | undefined;
  /** Of symlinks: what it leads to inside the snapshot, when that is there. */
  readonly targetPath?: EncodedPath | undefined;
  readonly device?: { readonly major: number; readonly minor: number } | undefined;
  /** Of files: how the browser may show it. */
  readonly preview: PreviewKind;
  /** Of files: the media type that `file/…` is served with. */
  readonly contentType?: string | undefined;
}

export type PreviewKind = "text" | "image" | "audio" | "video" | "pdf" | "none";

/*
 * `GET /api/snapshots/{id}/file/{path}`: the content, with ranges, ETag and conditions. It is offered
 * for saving, unless `?inline` is given and the type is one that cannot run anything (pictures, sound,
 * film, PDF as data).
 */

/**
 * `GET /api/snapshots/{id}/text/{path}`: the beginning of a file as text. A file that is no text has
 * `binary: true` and the text `""`.
 */
export interface TextPreview {
  readonly text: string;
  readonly encoding: "utf-8" | "utf-16le" | "utf-16be" | "latin1";
  readonly binary: boolean;
  readonly sizeBytes: number;
  /** Bytes of the file that `text` was made from; fewer than the size when it was cut. */
  readonly shownBytes: number;
}

// ── Search, versions, differences ─────────────────────────────────────────────────────────────────

/**
 * `GET /api/search?q=…&snapshot={id}|all&type=file|directory&host=…&path={EncodedPath}&limit=…`:
 * by name. Without `*`, `?` or `[` what is looked for may stand anywhere in the name; upper and lower
 * case are the same unless the query has a capital. With `/` in it, what is behind the last is how the
 * name begins, what is before it how the path of its folder ends. Globs with `/` are matched against
 * the whole path. A `/` at the beginning means the root.
 *
 * A stream of `SearchLine`: progress while names are read, then the hits, the best first: the name
 * itself, names that begin with it, the rest; of these what is still there before what was deleted, and
 * what changed last first.
 */
export type SearchLine =
  | { readonly type: "hit"; readonly hit: SearchHit }
  | { readonly type: "progress"; readonly snapshotsDone: number; readonly snapshotsTotal: number }
  | {
      readonly type: "done";
      /** All paths that matched. */
      readonly hits: number;
      /** There are more than `limit`, and the others were not sent. */
      readonly truncated: boolean;
    }
  | { readonly type: "failed"; readonly error: ApiError["error"] };

/** One path that matched, over all snapshots searched, told once. */
export interface SearchHit {
  /** As in the newest snapshot that has it. */
  readonly entry: Entry;
  readonly path: EncodedPath;
  /** The folder it is in, for people: `/home/ada`. */
  readonly folder: string;
  /** Of the newest and oldest of the searched snapshots that have it, and how many do. */
  readonly newestSnapshotId: string;
  readonly oldestSnapshotId: string;
  readonly snapshotCount: number;
  /** Distinct contents among them. */
  readonly versionCount: number;
  /** A later snapshot of the same host, of folders that it would be in, no longer has it. */
  readonly deleted: boolean;
}

/**
 * `GET /api/versions/{path}?host=…`: the distinct contents a path had, the newest first. Without
 * `host` the snapshots of all hosts count.
 */
export interface VersionList {
  readonly crumbs: readonly PathCrumb[];
  readonly versions: readonly Version[];
  /** Snapshots looked at, and those among them without the path. */
  readonly snapshotCount: number;
  readonly absentCount: number;
}

export interface Version {
  readonly entry: Entry;
  /** The oldest and newest snapshots that hold this content at this path. */
  readonly firstSnapshotId: string;
  readonly firstTimeMs: TimeMs;
  readonly lastSnapshotId: string;
  readonly lastTimeMs: TimeMs;
  readonly snapshotCount: number;
}

/**
 * `GET /api/diff/{path}?before={id}&after={id}&limit=…`: what differs below a folder, in order of
 * paths, a folder before what is in it. A stream of `DiffLine`.
 */
export type DiffLine =
  | { readonly type: "change"; readonly change: DiffEntry }
  | ({ readonly type: "done"; readonly truncated: boolean } & DiffTotals)
  | { readonly type: "failed"; readonly error: ApiError["error"] };

export type ChangeKind = "added" | "removed" | "modified" | "metadata" | "type";

export interface DiffEntry {
  /** From the root. */
  readonly path: EncodedPath;
  /** Names from the folder that is compared down to the entry, for people. */
  readonly names: readonly string[];
  readonly change: ChangeKind;
  readonly before?: Entry | undefined;
  readonly after?: Entry | undefined;
  /** Which metadata differs: mode, uid, gid, user, group, mtime, xattrs, device. */
  readonly fields: readonly string[];
}

/** Over all changes, also those beyond the limit. */
export interface DiffTotals {
  readonly counts: Readonly<Record<ChangeKind, number>>;
  /** Sizes of files that came or went, and by how much the others grew or shrank. */
  readonly bytesAdded: number;
  readonly bytesRemoved: number;
}

// ── Taking back ───────────────────────────────────────────────────────────────────────────────────

/** Some entries of one snapshot: whole files and whole folders. */
export interface Selection {
  readonly snapshotId: string;
  readonly paths: readonly EncodedPath[];
}

/**
 * `POST /api/downloads`: prepares an archive. `href` is then fetched by GET: with exact length,
 * ranges (ZIP) and a strong ETag, so that a download that broke off goes on. It lives as long as the
 * session.
 */
export interface DownloadRequest extends Selection {
  readonly format: "zip" | "tar";
}

export interface DownloadPlan {
  readonly href: string;
  readonly fileName: string;
  readonly files: number;
  readonly directories: number;
  /** Of the archive; absent where it cannot be told before (tar). */
  readonly sizeBytes?: number | undefined;
  /** Entries the format cannot hold, for people, at most 100. */
  readonly skipped: readonly string[];
}

/**
 * `GET /api/server-folders?path=/srv`: folders of the server's machine to restore into. Paths here
 * are text of that machine.
 */
export interface ServerFolders {
  readonly path: string;
  readonly parent: string | undefined;
  readonly folders: readonly { readonly name: string; readonly path: string }[];
  readonly writable: boolean;
  readonly truncated: boolean;
}

export type OverwritePolicy = "always" | "if-changed" | "never";

/** `POST /api/restores`: begins a restore, or with `dryRun` a plan of it. Answered with a `RestoreJob`. */
export interface RestoreRequest extends Selection {
  /**
   * A folder of the server's machine. The selected entries come into it under their own names. Absent:
   * each goes back to the place it was backed up from.
   */
  readonly target?: string | undefined;
  readonly overwrite: OverwritePolicy;
  readonly dryRun: boolean;
  /** Reads everything back and compares. */
  readonly verify: boolean;
}

/**
 * `GET /api/restores` lists the jobs (`RestoreJob[]`, the newest first, without plans, and without the
 * paths in their results), `GET /api/restores/{id}` one of them, and `DELETE /api/restores/{id}`
 * stops it: what was restored until then stays. They are the server's: every session sees them, and
 * they end with it. One that writes where another is writing is refused with 409 "locked".
 */
export interface RestoreJob {
  readonly id: string;
  readonly state: "running" | "done" | "failed" | "cancelled";
  readonly dryRun: boolean;
  readonly startedMs: TimeMs;
  readonly endedMs?: TimeMs | undefined;
  readonly snapshotId: string;
  /** For people: what was selected, at most 10 of `itemCount`. */
  readonly items: readonly string[];
  readonly itemCount: number;
  /** Absent when everything goes back to where it came from. */
  readonly target?: string | undefined;
  readonly progress: RestoreCounts;
  /** With "failed": why nothing more was done. */
  readonly error?: ApiError["error"] | undefined;
  /** When it is no longer running; also of one that was stopped or failed: what it did until then. */
  readonly result?: RestoreResult | undefined;
}

export interface RestoreCounts {
  readonly filesDone: number;
  readonly filesTotal: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** The totals are still being counted. */
  readonly counting: boolean;
  readonly problems: number;
}

/** Of a dry run everything is what would be. */
export interface RestoreResult {
  /** Files that were written, and their sizes. */
  readonly files: number;
  readonly bytes: number;
  /** Folders made or there already; known of restores that came to their end. */
  readonly directories: number;
  /** Links and special files that were made. */
  readonly others: number;
  /** What stood there and was right already. */
  readonly unchanged: number;
  /** Files that were read back and are right. */
  readonly verified: number;
  /** What was made where nothing stood, took the place of something, was left alone by the policy. */
  readonly created: PathList;
  readonly replaced: PathList;
  readonly kept: PathList;
  /** Paths and what happened to them, for people; at most 1000, with the number of all. */
  readonly problems: readonly { readonly path: string; readonly message: string }[];
  readonly problemCount: number;
  /** Metadata that could not be given, in sentences. */
  readonly notes: readonly string[];
  /** Of a dry run: what has to be read from the repository. */
  readonly fetch?: { readonly packs: number; readonly bytes: number } | undefined;
}

/** Paths on the server's machine, for people; at most 1000 of `count`. */
export interface PathList {
  readonly count: number;
  readonly paths: readonly string[];
}
