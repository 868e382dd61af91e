/** `forge webdav`: the snapshots as a network drive, until Ctrl-C. */
import { resolve } from "node:path";
import { ForgeError, messageOf } from "../../../engine/node.ts";
import { readSecretFile } from "../../passphrase.ts";
import { Gate, HTTP_USER, passwordFrom, randomPassword } from "../../server/auth.ts";
import { type Listener, listen, parseListenAddress, planListener } from "../../server/listen.ts";
import { createWebdavServer } from "../../server/webdav-server.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { flag, size, text, texts } from "../option-kinds.ts";
import { chooseRepository, nameOf, settingsOf } from "../repository-choice.ts";
import { VIEW_OPTIONS, openView } from "../repository-view.ts";
import { withSession } from "../session.ts";

const ADDRESS = "127.0.0.1:8484";
const PASSWORD_BYTES_MAX = 1024;
/** Certificates with their chains are a few kilobytes. */
const PEM_BYTES_MAX = 1024 * 1024;

export const webdav: Command = defineCommand({
  description:
    "Show the snapshots as a read-only network drive (WebDAV) that Windows, macOS, Linux desktops, " +
    `phones and rclone map. The user is ${HTTP_USER}; the password comes from --password-file or ` +
    "FORGE_HTTP_PASSWORD, otherwise one is made and printed. It serves until Ctrl-C or SIGTERM.",
  arguments: {},
  options: {
    listen: text("--listen <address>", `address and port (default: ${ADDRESS})`),
    passwordFile: text("--password-file <file>", "a file with the password, one line"),
    tlsCert: text("--tls-cert <file>", "certificate with its chain, PEM; then it is https"),
    tlsKey: text("--tls-key <file>", "the key of the certificate, PEM"),
    insecureHttp: flag("--insecure-http", "allow other machines to connect without TLS"),
    allowHost: texts(
      "--allow-host <name>",
      "a name besides localhost that clients may call it by (repeatable)",
    ),
    cacheSize: size("--cache-size <size>", "memory for content that was read"),
    ...VIEW_OPTIONS,
  },
  examples: [
    "forge webdav",
    "forge webdav --listen 0.0.0.0:8484 --tls-cert cert.pem --tls-key key.pem",
  ],
  async run(context, values): Promise<ExitCode> {
    const { output } = context;
    const settings = await settingsOf(context);
    const repository = chooseRepository(context, settings);
    // What was typed wrongly is said before the passphrase is asked for.
    const plan = await planListener(parseListenAddress(values.listen ?? ADDRESS), {
      tls: await readTls(context, values),
      insecureHttp: values.insecureHttp,
    });
    const given = await findPassword(context, values.passwordFile);
    const password = given ?? randomPassword();
    const generated = given === undefined ? password : undefined;
    const gate = new Gate({ password, now: () => performance.now() });
    return withSession(
      context,
      repository,
      async (session) => {
        const configured = settings.mount.pathTemplates;
        const fs = await openView(context, session, { values, configured });
        const allowed = values.allowHost.map((name) => name.toLowerCase());
        const server = createWebdavServer(fs, {
          gate,
          hosts: { isLoopback: plan.isLoopback, allowed },
          onError: (error) => output.warn(`A read failed: ${messageOf(error)}`),
        });
        const listener = await listen(plan, server);
        await serve(context, listener, { repository: nameOf(session.settings), generated });
        return EXIT.done;
      },
      { cacheBytes: values.cacheSize ?? settings.mount.cacheBytes, withoutSnapshots: true },
    );
  },
});

/** Says where it serves and how to get in, and returns once it was told to end. */
async function serve(
  { output, signal }: CommandContext,
  listener: Listener,
  {
    repository,
    generated,
  }: { readonly repository: string; readonly generated: string | undefined },
): Promise<void> {
  const { url } = listener;
  if (output.json) {
    const password = generated === undefined ? {} : { password: generated };
    await output.jsonLine({ type: "serving", url, repository, user: HTTP_USER, ...password });
  } else {
    await output.summary(`Serving the snapshots of ${repository} at ${url}; end with Ctrl-C`);
    // Also with -q: nobody could get in without it.
    if (generated !== undefined) await output.line(`User ${HTTP_USER}, password ${generated}`);
    else await output.summary(`User ${HTTP_USER}, with the password you set`);
  }
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
  {
    tlsCert,
    tlsKey,
  }: { readonly tlsCert: string | undefined; readonly tlsKey: string | undefined },
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
