/** In which language a file is written, by its name, or by how it begins. Names of highlight.js. */

// Maps and not objects: a file may be called "constructor".
const BY_NAME = mapOf({
  makefile: "makefile",
  gnumakefile: "makefile",
  dockerfile: "bash",
  cmakelists: "makefile",
  ".bashrc": "bash",
  ".profile": "bash",
  ".zshrc": "bash",
  ".gitconfig": "ini",
});

const BY_ENDING = mapOf({
  cfg: "ini",
  conf: "ini",
  service: "ini",
  desktop: "ini",
  htm: "xml",
  svg: "xml",
  plist: "xml",
  zsh: "bash",
  mts: "typescript",
  cts: "typescript",
  cjs: "javascript",
  mjs: "javascript",
  json5: "json",
  lock: "plaintext",
  txt: "plaintext",
  log: "plaintext",
});

const SHEBANGS: readonly (readonly [RegExp, string])[] = [
  [/^#!.*\b(ba|z|da|k)?sh\b/, "bash"],
  [/^#!.*\bpython/, "python"],
  [/^#!.*\bnode\b/, "javascript"],
  [/^#!.*\bperl\b/, "perl"],
  [/^#!.*\bruby\b/, "ruby"],
  [/^<\?xml\b/, "xml"],
];

/** A name or alias that highlight.js may know, or `undefined`. */
export function codeLanguage(name: string, text: string): string | undefined {
  const lower = name.toLowerCase();
  const whole = BY_NAME.get(lower) ?? BY_NAME.get(lower.replace(/\..*$/, ""));
  if (whole !== undefined) return whole;
  const dot = lower.lastIndexOf(".");
  if (dot > 0) {
    const ending = lower.slice(dot + 1);
    return BY_ENDING.get(ending) ?? ending;
  }
  const head = text.slice(0, 80);
  return SHEBANGS.find(([pattern]) => pattern.test(head))?.[1];
}

function mapOf(entries: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(entries));
}
