/** What the servers share on the command line: where to listen, with which password and certificate. */
import { resolve } from "node:path";
import { ForgeError } from "../../engine/base/errors.ts";
import { readSecretFile } from "../passphrase.ts";
import { passwordFrom, randomPassword } from "../server/auth.ts";
import type { HostRules } from "../server/host-check.ts";
import {
  type ListenPlan,
  type Listener,
  parseListenAddress,
  planListener,
} from "../server/listen.ts";
import type { CommandContext } from "./command.ts";
import { type OptionKind, flag, size, text, texts } from "./option-kinds.ts";

const PASSWORD_BYTES_MAX = 1024;
/** Certificates with their chains are a few kilobytes. */
const PEM_BYTES_MAX = 1024 * 1024;

/** The option of the address, with what holds when it is not given. */
export function listenOption(address: string): OptionKind<string | undefined> {
  return text("--listen <address>", `address and port (default: ${address})`);
}

export const LISTEN_OPTIONS = {
  passwordFile: text("--password-file <file>", "a file with the password, one line"),
  tlsCert: text("--tls-cert <file>", "certificate with its chain, PEM; then it is https"),
  tlsKey: text("--tls-key <file>", "the key of the certificate, PEM"),
  insecureHttp: flag("--insecure-http", "allow other machines to connect without TLS"),
  allowHost: texts(
    "--allow-host <name>",
    "a name besides localhost that clients may call it by (repeatable)",
  ),
  cacheSize: size("--cache-size <size>", "memory for content that was read"),
} as const;

export interface ListenValues {
  readonly listen: string | undefined;
  readonly passwordFile: string | undefined;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly insecureHttp: boolean;
  readonly allowHost: readonly string[];
}

/** What a server needs to know of its users, made from the command line before anything is opened. */
export interface ServerPlan {
  readonly listen: ListenPlan;
  readonly hosts: HostRules;
  readonly password: string;
  /** The password, when it was made now: nobody could get in without being told. */
  readonly generated: string | undefined;
}

/** @throws ForgeError "usage", "not-found", "permission", "io". */
export async function planServer(
  context: CommandContext,
  values: ListenValues,
  address: string,
): Promise<ServerPlan> {
  const plan = await planListener(parseListenAddress(values.listen ?? address), {
    tls: await readTls(context, values),
    insecureHttp: values.insecureHttp,
  });
  const given = await findPassword(context, values.passwordFile);
  const password = given ?? randomPassword();
  return {
    listen: plan,
    hosts: {
      isLoopback: plan.isLoopback,
      allowed: values.allowHost.map((name) => name.toLowerCase()),
    },
    password,
    generated: given === undefined ? password : undefined,
  };
}

/** Serves until the context says that it is time to end. */
export async function serveUntilEnd(
  { output, signal }: CommandContext,
  listener: Listener,
): Promise<void> {
  await output.flush();
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await listener.close();
  output.note("Stopped serving");
}

async function readTls(
  { output }: CommandContext,
  { tlsCert, tlsKey }: Pick<ListenValues, "tlsCert" | "tlsKey">,
): Promise<{ cert: Uint8Array; key: Uint8Array } | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new ForgeError("usage", "Cannot use TLS: --tls-cert and --tls-key belong together");
  }
  const read = (path: string, setting: string, warn: (text: string) => void): Promise<Uint8Array> =>
    readSecretFile({ path: resolve(path), setting, bytesMax: PEM_BYTES_MAX }, warn);
  // A certificate is public; only the key must not be.
  const cert = await read(tlsCert, "--tls-cert", () => undefined);
  return { cert, key: await read(tlsKey, "--tls-key", (text) => output.warn(text)) };
}

/** A flag before the environment. @throws ForgeError "usage" when it cannot be one. */
async function findPassword(
  { environment, output }: CommandContext,
  file: string | undefined,
): Promise<string | undefined> {
  if (file === undefined) return environment.httpPassword;
  const secret = { path: resolve(file), setting: "--password-file", bytesMax: PASSWORD_BYTES_MAX };
  return passwordFrom(await readSecretFile(secret, (text) => output.warn(text)), "--password-file");
}
