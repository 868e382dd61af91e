/**
 * The media type of a file by its name, and whether a browser may show it. Only what cannot run
 * anything is shown; all else is offered for saving. Everything that is served carries `nosniff` and
 * a sandbox on top of that.
 */

const TEXT = "text/plain; charset=utf-8";
const TYPES: Readonly<Record<string, string>> = {
  // text of all kinds, shown as text
  ...Object.fromEntries(
    (
      "txt text log md rst csv tsv conf cfg ini toml yaml yml json jsonl sh bash py rb pl c h cc cpp " +
      "hpp rs go java kt swift ts tsx sql tex diff patch srt"
    )
      .split(" ")
      .map((extension) => [extension, TEXT]),
  ),
  // pictures
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
  bmp: "image/bmp",
  ico: "image/x-icon",
  tif: "image/tiff",
  tiff: "image/tiff",
  heic: "image/heic",
  // sound and film
  mp3: "audio/mpeg",
  m4a: "audio/mp4",
  aac: "audio/aac",
  flac: "audio/flac",
  ogg: "audio/ogg",
  opus: "audio/ogg",
  wav: "audio/wav",
  mp4: "video/mp4",
  m4v: "video/mp4",
  mov: "video/quicktime",
  mkv: "video/x-matroska",
  webm: "video/webm",
  avi: "video/x-msvideo",
  // saved, never shown: these can carry scripts, or are not for browsers
  html: "text/html",
  htm: "text/html",
  xhtml: "application/xhtml+xml",
  svg: "image/svg+xml",
  xml: "application/xml",
  css: "text/css",
  js: "text/javascript",
  mjs: "text/javascript",
  pdf: "application/pdf",
  zip: "application/zip",
  gz: "application/gzip",
  tar: "application/x-tar",
  "7z": "application/x-7z-compressed",
  doc: "application/msword",
  xls: "application/vnd.ms-excel",
  ppt: "application/vnd.ms-powerpoint",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  odt: "application/vnd.oasis.opendocument.text",
  ods: "application/vnd.oasis.opendocument.spreadsheet",
  odp: "application/vnd.oasis.opendocument.presentation",
  epub: "application/epub+zip",
};
const BY_EXTENSION = new Map(Object.entries(TYPES));
const UNKNOWN = "application/octet-stream";
/** Types that a browser may show; none of them can hold a script. */
const SHOWN = /^(?:text\/plain;|image\/(?!svg)|audio\/|video\/)/;

export function contentTypeOf(name: string): string {
  const dot = name.lastIndexOf(".");
  if (dot < 0) return UNKNOWN;
  return BY_EXTENSION.get(name.slice(dot + 1).toLowerCase()) ?? UNKNOWN;
}

/**
 * The header Content-Disposition by RFC 6266: a name in ASCII for old clients, the true one by RFC
 * 8187. No byte of a name reaches the header unescaped.
 */
export function contentDisposition(name: string, type: string): string {
  const fallback = name.replace(/[^A-Za-z0-9 ._-]/gu, "_");
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const kind = SHOWN.test(type) ? "inline" : "attachment";
  return `${kind}; filename="${fallback}"; filename*=UTF-8''${encoded}`;
}

/** On every answer that carries the content of a backed-up file. */
export const CONTENT_SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "sandbox; default-src 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
};
