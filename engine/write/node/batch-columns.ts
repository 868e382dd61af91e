/**
 * Batches on their way between threads: columns of numbers and one buffer of paths. Cloning an object
 * for each file costs more than opening it; what is rare (a pipe, holes, attributes, a failure)
 * travels as the object it is.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { BatchResult, FailedFile, FileIdentity, FileJob, SavedFile } from "../file-pool.ts";

export interface JobColumns {
  readonly paths: Bytes;
  /** End of each job's path in `paths`. */
  readonly pathEnds: Uint32Array<ArrayBuffer>;
  /** Size, mtime, ctime, inode and device of each job. */
  readonly stats: BigInt64Array<ArrayBuffer>;
  /** Jobs that are more than a path and a stat, by number. */
  readonly others: ReadonlyMap<number, FileJob>;
}

const STAT_FIELDS = 5;

export function encodeJobs(jobs: readonly FileJob[]): JobColumns {
  let pathBytes = 0;
  for (const { input } of jobs) if ("path" in input) pathBytes += input.path.length;
  const paths = new Uint8Array(pathBytes);
  const pathEnds = new Uint32Array(jobs.length);
  const stats = new BigInt64Array(jobs.length * STAT_FIELDS);
  const others = new Map<number, FileJob>();
  let end = 0;
  jobs.forEach((job, i) => {
    const { input, stat } = job;
    if ("fd" in input || stat === undefined || !job.trustFingerprints) {
      others.set(i, { ...job, stat: stat && identityOf(stat) });
    } else {
      paths.set(input.path, end);
      end += input.path.length;
      // Numbers beyond 64 bits wrap, look like a change, and cost one more message.
      stats[i * STAT_FIELDS] = BigInt(stat.sizeBytes);
      stats[i * STAT_FIELDS + 1] = stat.mtimeNs;
      stats[i * STAT_FIELDS + 2] = stat.ctimeNs;
      stats[i * STAT_FIELDS + 3] = stat.inode;
      stats[i * STAT_FIELDS + 4] = stat.device;
    }
    pathEnds[i] = end;
  });
  return { paths, pathEnds, stats, others };
}

/** The numbers alone: a stat may make them when it is asked, which does not travel. */
function identityOf({ sizeBytes, mtimeNs, ctimeNs, inode, device }: FileIdentity): FileIdentity {
  return { sizeBytes, mtimeNs, ctimeNs, inode, device };
}

export function decodeJobs({ paths, pathEnds, stats, others }: JobColumns): FileJob[] {
  return Array.from(pathEnds, (end, i) => {
    const other = others.get(i);
    if (other !== undefined) return other;
    const field = (k: number): bigint => stats[i * STAT_FIELDS + k] ?? 0n;
    return {
      input: { path: paths.subarray(pathEnds[i - 1] ?? 0, end) },
      stat: {
        sizeBytes: Number(field(0)),
        mtimeNs: field(1),
        ctimeNs: field(2),
        inode: BigInt.asUintN(64, field(3)),
        device: BigInt.asUintN(64, field(4)),
      },
      trustFingerprints: true,
    };
  });
}

export interface ResultColumns extends Omit<BatchResult, "files"> {
  readonly sizes: Float64Array<ArrayBuffer>;
  readonly crcs: Uint32Array<ArrayBuffer>;
  readonly chunkCounts: Uint32Array<ArrayBuffer>;
  /** Files that are more than their content, and failures, by number. */
  readonly others: ReadonlyMap<number, SavedFile | FailedFile>;
}

export function encodeResult({ files, ...columns }: BatchResult): ResultColumns {
  const sizes = new Float64Array(files.length);
  const crcs = new Uint32Array(files.length);
  const chunkCounts = new Uint32Array(files.length);
  const others = new Map<number, SavedFile | FailedFile>();
  files.forEach((file, i) => {
    if ("code" in file || !isPlain(file)) {
      others.set(i, file);
    } else {
      sizes[i] = file.sizeBytes;
      crcs[i] = file.crc32;
      chunkCounts[i] = file.chunkCount;
    }
  });
  return { ...columns, sizes, crcs, chunkCounts, others };
}

export function decodeResult(result: ResultColumns): BatchResult {
  const { sizes, crcs, chunkCounts, others, ...columns } = result;
  const files = Array.from(sizes, (sizeBytes, i): SavedFile | FailedFile => {
    return (
      others.get(i) ?? {
        ...NOTHING_SPECIAL,
        sizeBytes,
        crc32: crcs[i] ?? 0,
        chunkCount: chunkCounts[i] ?? 0,
      }
    );
  });
  return { ...columns, files };
}

/** The buffers of a result that may be handed over and not copied. */
export function buffersOf(result: ResultColumns): ArrayBuffer[] {
  const { ids, lengths, origins, sizes, crcs, chunkCounts } = result;
  return [ids, lengths, origins, sizes, crcs, chunkCounts].map(({ buffer }) => buffer);
}

const NOTHING_SPECIAL = {
  holes: [],
  xattrs: [],
  stat: undefined,
  changed: false,
  warnings: [],
} satisfies Partial<SavedFile>;

function isPlain(file: SavedFile): boolean {
  return (
    file.stat === undefined &&
    !file.changed &&
    file.holes.length === 0 &&
    file.xattrs.length === 0 &&
    file.warnings.length === 0
  );
}
