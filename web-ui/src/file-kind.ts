/** What a file probably is, by the end of its name: for its icon and for words about it. */

export type FileKind =
  "image" | "audio" | "video" | "document" | "text" | "code" | "archive" | "disk" | "other";

const ENDINGS: Readonly<Record<Exclude<FileKind, "other">, string>> = {
  image: "png jpg jpeg gif webp avif bmp ico svg tif tiff heic heif raw cr2 nef arw dng psd xcf",
  audio: "mp3 m4a aac flac ogg oga opus wav wma aiff mid midi",
  video: "mp4 m4v mkv webm mov avi mpg mpeg wmv flv ogv 3gp",
  document: "pdf doc docx odt rtf xls xlsx ods ppt pptx odp epub mobi djvu pages numbers key",
  text: "txt md markdown rst log csv tsv org tex nfo srt",
  code:
    "c h cc cpp hpp cs java kt go rs py rb php pl pm sh bash zsh fish js mjs cjs jsx ts tsx mts " +
    "html htm css scss less xml json json5 yaml yml toml ini conf cfg sql lua swift r m mm dart " +
    "scala ex exs erl hs clj vue svelte diff patch cmake gradle make mk dockerfile",
  archive: "zip tar gz tgz bz2 tbz xz txz zst 7z rar lz4 lzma cab deb rpm jar apk dmg whl",
  disk: "iso img qcow2 vmdk vdi vhd vhdx raw sqlite sqlite3 db mdb",
};

const KINDS = new Map<string, FileKind>();
for (const kind of [
  "disk",
  "archive",
  "code",
  "text",
  "document",
  "video",
  "audio",
  "image",
] as const)
  for (const ending of ENDINGS[kind].split(" ")) KINDS.set(ending, kind);

export function fileKind(name: string): FileKind {
  const dot = name.lastIndexOf(".");
  const ending = (dot < 0 ? name : name.slice(dot + 1)).toLowerCase();
  return KINDS.get(ending) ?? "other";
}
