/**
 * The passphrase of a repository: from a flag, the environment, the configuration or a person, in
 * that order. The engine asks for it once it knows that there is a repository to unlock.
 */
import { spawn } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { type Bytes, findUtf8 } from "../engine/base/bytes.ts";
import { ForgeError, messageOf } from "../engine/base/errors.ts";
import { PASSPHRASE_BYTES_MAX } from "../engine/base/limits.ts";

/** One place a passphrase comes from; `setting` names it in messages. */
export type PassphraseSource =
  | { readonly kind: "text"; readonly setting: string; readonly text: string }
  | { readonly kind: "file"; readonly setting: string; readonly path: string }
  | { readonly kind: "command"; readonly setting: string; readonly command: string };

export interface PassphraseRequest {
  /** In order of precedence; the first one counts. Empty: a person is asked. */
  readonly sources: readonly PassphraseSource[];
  /** For messages and the question: the repository's path, URL or label. */
  readonly repository: string;
  /** Asks without showing what is typed. */
  readonly ask: (question: string) => Promise<string>;
  /** A new passphrase, which a person types twice. */
  readonly confirm: boolean;
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
}

/** A command that asks a person may take a while; one that hangs must not hang a nightly backup. */
const COMMAND_TIMEOUT_MS = 60_000;

/**
 * The passphrase in Unicode NFC, so that the same characters typed on another system unlock as well.
 *
 * @throws ForgeError "usage" when there is none or it cannot be one; "io" or "permission" when its
 *   source fails; "aborted".
 */
export async function readPassphrase(request: PassphraseRequest): Promise<string> {
  const source = request.sources[0];
  const text = source === undefined ? await askPerson(request) : await readSource(source, request);
  if (text === "") {
    const from = source === undefined ? "what was typed" : source.setting;
    throw new ForgeError(
      "usage",
      `Cannot use an empty passphrase for ${request.repository}: ${from} gave nothing`,
    );
  }
  return text.normalize("NFC");
}

async function askPerson(request: PassphraseRequest): Promise<string> {
  const { ask, repository } = request;
  if (!request.confirm) return ask(`Passphrase of ${repository}: `);
  const first = await ask(`New passphrase for ${repository}: `);
  if (first === "") return first;
  const second = await ask("The same again: ");
  if (first.normalize("NFC") !== second.normalize("NFC")) {
    throw new ForgeError(
      "usage",
      `Cannot set the passphrase of ${repository}: the two that were typed differ`,
    );
  }
  return first;
}

async function readSource(source: PassphraseSource, request: PassphraseRequest): Promise<string> {
  switch (source.kind) {
    case "text":
      return source.text;
    case "file":
      return decodeText(
        await readSecretFile({ ...source, bytesMax: PASSPHRASE_BYTES_MAX }, request.warn),
        source,
      );
    case "command":
      return decodeText(await commandOutput(source, request.signal), source);
    default:
      return source satisfies never;
  }
}

export interface SecretFile {
  readonly path: string;
  /** Names where the path was given, for messages. */
  readonly setting: string;
  readonly bytesMax: number;
}

/**
 * The bytes of a file that holds a secret; warns when other users of the machine can read it.
 *
 * @throws ForgeError "not-found", "permission", "io", "too-large".
 */
export async function readSecretFile(
  file: SecretFile,
  warn: (message: string) => void,
): Promise<Bytes> {
  const { path, setting, bytesMax } = file;
  try {
    const { mode, size } = await stat(path);
    if (size > bytesMax) {
      throw new ForgeError("too-large", `Cannot use ${path} from ${setting}: it has ${size} bytes`);
    }
    const bytes = new Uint8Array(await readFile(path));
    if ((mode & 0o077) !== 0 && size > 0) {
      warn(`${path} can be read by other users of this machine; run: chmod 600 ${path}`);
    }
    return bytes;
  } catch (error) {
    if (error instanceof ForgeError) throw error;
    throw new ForgeError(codeOf(error), `Cannot read the file of ${setting}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function codeOf(error: unknown): "not-found" | "permission" | "io" {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") return "not-found";
  return code === "EACCES" || code === "EPERM" ? "permission" : "io";
}

/** What the command prints. Its own words go to our stderr; the secret passes through a pipe only. */
function commandOutput(
  source: Extract<PassphraseSource, { kind: "command" }>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const failed = (found: string, cause?: unknown): ForgeError =>
    new ForgeError(
      signal.aborted ? "aborted" : "io",
      `Cannot get the passphrase from the command of ${source.setting}: ${found}`,
      { cause },
    );
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/sh", ["-c", source.command], {
      stdio: ["ignore", "pipe", "inherit"],
      timeout: COMMAND_TIMEOUT_MS,
      signal,
    });
    const parts: Uint8Array[] = [];
    let length = 0;
    child.stdout.on("data", (part: Uint8Array) => {
      parts.push(part);
      length += part.length;
      if (length > PASSPHRASE_BYTES_MAX) {
        child.kill();
        reject(failed(`it printed more than ${PASSPHRASE_BYTES_MAX} bytes`));
      }
    });
    child.on("error", (error) => reject(failed(messageOf(error), error)));
    child.on("close", (status, killedBy) => {
      if (status === 0) resolve(Buffer.concat(parts));
      else if (killedBy === null) reject(failed(`it ended with exit code ${String(status)}`));
      else reject(failed(`it was ended by ${killedBy} (it has ${COMMAND_TIMEOUT_MS / 1000} s)`));
    });
  });
}

/** Text without the one line end that editors and `echo` put after it. */
function decodeText(bytes: Uint8Array, source: PassphraseSource): string {
  const text = findUtf8(bytes);
  if (text === undefined) {
    throw new ForgeError(
      "usage",
      `Cannot use the passphrase from ${source.setting}: not UTF-8 text`,
    );
  }
  return text.replace(/\r?\n$/, "");
}
