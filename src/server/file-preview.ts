/**
 * How the browser may show a file, and with which media type it gets its content. Names lie: pictures
 * are what their first bytes say. Nothing is ever served with a type that can run, lay out or hold
 * something: a script of a backup served as a script would be one of the app's own origin.
 */
import type { FsFile } from "../../engine/node.ts";
import { displayName, findUtf8, messageOf } from "../../engine/node.ts";
import { contentTypeOf } from "../../webdav/index.ts";
import type { PreviewKind } from "./api.ts";
import { isTextual } from "./text-decode.ts";

export interface FilePreview {
  readonly kind: PreviewKind;
  readonly contentType: string;
}

const OCTETS = "application/octet-stream";
/** Types that `contentTypeOf` knows and that could run or draw: their text is shown, as text. */
const ACTIVE = /^(?:text\/(?:html|css|javascript)|application\/(?:xhtml\+xml|xml)|image\/svg\+xml)/;
const PICTURES = /^image\/(?:png|jpeg|gif|webp|avif|bmp|x-icon)$/;
/** What browsers play; for others there is nothing to show. */
const FILMS = /^video\/(?:mp4|webm|quicktime|x-matroska)$/;
const HEAD_BYTES = 4096;

/**
 * @param onError Told when the beginning of the file cannot be read; the name decides then, and the
 *   one who opens the file hears of it.
 */
export async function filePreview(
  file: FsFile,
  onError: (error: unknown) => void,
): Promise<FilePreview> {
  const byName = safeTypeOf(contentTypeOf(nameOf(file)));
  // Sound, film and archives are not looked into: it would take reading them to know more.
  if (!needsHead(byName)) return { kind: kindOf(byName), contentType: byName };
  let head: Uint8Array;
  try {
    head = await file.read({ offset: 0, length: Math.min(HEAD_BYTES, file.attributes.sizeBytes) });
  } catch (error) {
    onError(
      new Error(`The beginning of a file cannot be read: ${messageOf(error)}`, { cause: error }),
    );
    return { kind: kindOf(byName), contentType: byName };
  }
  const seen = pictureTypeOf(head);
  if (seen !== undefined) return { kind: seen === PDF ? "pdf" : "image", contentType: seen };
  if (PICTURES.test(byName) || byName === PDF) return { kind: "none", contentType: OCTETS };
  if (!isTextual(head)) return { kind: "none", contentType: byName === TEXT ? OCTETS : byName };
  return { kind: "text", contentType: byName };
}

/** The name as text, for its extension and for saving it under. */
export function nameOf({ name }: Pick<FsFile, "name">): string {
  return findUtf8(name) ?? displayName(name);
}

const PDF = "application/pdf";
const TEXT = "text/plain; charset=utf-8";

function safeTypeOf(type: string): string {
  return ACTIVE.test(type) ? OCTETS : type;
}

function needsHead(type: string): boolean {
  return PICTURES.test(type) || type === TEXT || type === OCTETS || type === PDF;
}

function kindOf(type: string): PreviewKind {
  if (PICTURES.test(type)) return "image";
  if (type.startsWith("audio/")) return "audio";
  if (FILMS.test(type)) return "video";
  if (type === PDF) return "pdf";
  return type === TEXT ? "text" : "none";
}

/** Raster pictures and PDF by their first bytes. @see WHATWG MIME Sniffing, section 6 */
function pictureTypeOf(head: Uint8Array): string | undefined {
  const text = String.fromCharCode(...head.subarray(0, 32));
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (text.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (/^GIF8[79]a/.test(text)) return "image/gif";
  if (/^RIFF[^]{4}WEBPVP/.test(text)) return "image/webp";
  if (/^[^]{4}ftypavi[fs]/.test(text)) return "image/avif";
  // Two letters begin many a text: the reserved fields of the header have to be there too.
  if (/^BM[^]{4}\0\0\0\0/.test(text)) return "image/bmp";
  if (/^\0\0[\x01\x02]\0[^\0]\0/.test(text)) return "image/x-icon";
  return text.startsWith("%PDF-") ? PDF : undefined;
}
