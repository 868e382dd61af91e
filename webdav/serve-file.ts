/** GET and HEAD of one file of a snapshot: what is ahead of the reader is loaded meanwhile. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { streamFile } from "../engine/read/file-stream.ts";
import type { FsFile } from "../engine/read/readonly-fs.ts";
import { contentTypeOf } from "./content-type.ts";
import { serveBytes } from "./serve-bytes.ts";

export interface ServeFileOptions {
  /** The name it is asked for by, for its type and for saving it. */
  readonly name: string;
  /** Its media type, where the name does not decide. */
  readonly type?: string | undefined;
  /** Always offer it for saving, whatever its type. */
  readonly download?: boolean;
}

/** The strong validator of a file's content. */
export function etagOf(file: FsFile): string {
  return `"${file.contentKey}"`;
}

/**
 * Answers a GET or HEAD request for `file`.
 * @throws ForgeError of the read side. After the header was sent the caller must break the
 *   connection, so that nobody takes a part for the whole.
 */
export async function serveFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: FsFile,
  { name, type, download }: ServeFileOptions,
): Promise<void> {
  const { sizeBytes, mtimeNs } = file.attributes;
  return serveBytes(request, response, {
    sizeBytes,
    etag: etagOf(file),
    modifiedNs: mtimeNs,
    type: type ?? contentTypeOf(name),
    name,
    download,
    read: (range, signal) => streamFile(file, range, signal),
  });
}
