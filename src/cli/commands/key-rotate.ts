/** `forge key rotate`: new inner keys, so that stolen ones open nothing that is written from now on. */
import { hostname } from "node:os";
import { resolve } from "node:path";
import { KEY_FILE_BYTES_MAX } from "../../../engine/base/limits.ts";
import {
  type Bytes,
  ForgeError,
  type RotationPlan,
  type RotationSecret,
  applyRotation,
  planRotation,
} from "../../../engine/node.ts";
import { readPassphrase, readSecretFile } from "../../passphrase.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { plural, shortId } from "../format.ts";
import { KDF_OPTIONS } from "../kdf-options.ts";
import { type KeySession, nameOfKey, newKdf, withKeys } from "../key-session.ts";
import { flag, texts } from "../option-kinds.ts";
import { nameOf } from "../repository-choice.ts";

export const keyRotate: Command = defineCommand({
  description:
    "Make new inner keys for everything that is written from now on: whoever stole the old ones, or a " +
    "key that was removed since, cannot read it. Every key has to be made anew, for which its passphrase " +
    "is needed; keys whose passphrase is not given here stop working, recovery sheets among them. What " +
    "was stored before stays readable to the thief until forge compact --reencrypt has sealed it anew. " +
    "Whether known data is stored can always be told with old keys.",
  arguments: {},
  options: {
    alsoPassphraseFile: texts(
      "--also-passphrase-file <file>",
      "the passphrase of another key that shall go on working (repeatable)",
    ),
    alsoKeyFile: texts("--also-key-file <file>", "a key file that one of those needs (repeatable)"),
    yes: flag("-y, --yes", "let keys go whose passphrase was not given"),
    dryRun: flag("-n, --dry-run", "only say which keys would stay and which would go"),
    ...KDF_OPTIONS,
  },
  examples: [
    "forge key rotate --dry-run",
    "forge key rotate --also-passphrase-file office.txt --yes",
  ],
  run(context, values): Promise<ExitCode> {
    const { output } = context;
    return withKeys(context, async (session) => {
      const { settings, unlocked, passphrase, keyFile } = session;
      const keyFiles = keyFile === undefined ? [] : [keyFile];
      const own: RotationSecret = { password: passphrase, keyFiles };
      const others = await otherSecrets(context, session, values);
      const plan = await planRotation(unlocked, [own, ...others]);
      await tellPlan(context, session, plan);
      if (values.dryRun) return EXIT.done;
      if (plan.lost.length > 0 && !values.yes) {
        throw new ForgeError(
          "usage",
          `Cannot rotate the keys just so: ${plural(plan.lost.length, "key")} would stop working (${plan.lost.map(nameOfKey).join(", ")}); give their passphrases with --also-passphrase-file, or add --yes`,
        );
      }
      const { slots } = await applyRotation(unlocked, plan, {
        kdf: await newKdf(values, settings),
        nowMs: Date.now(),
        holder: {
          hostname: hostname(),
          pid: process.pid,
          startedNs: BigInt(Date.now()) * 1_000_000n,
        },
      });
      if (output.json) {
        const keys = slots.map(({ id }) => id);
        const removed = plan.lost.map(({ id }) => id);
        await output.jsonDocument({ type: "keys-rotated", epoch: plan.epoch, keys, removed });
      } else {
        output.note(`Rotated to epoch ${plan.epoch}; keys: ${slots.map(nameOfKey).join(", ")}.`);
        output.note(
          "Start mounts and servers again: they read nothing that is written from now on. Recovery " +
            "sheets are void: print a new one with forge key export.",
        );
      }
      return EXIT.done;
    });
  },
});

async function tellPlan(
  { output }: CommandContext,
  { settings }: KeySession,
  plan: RotationPlan,
): Promise<void> {
  if (output.json) return;
  await output.summary(`Keys of ${nameOf(settings)} that go on working, made anew:`);
  for (const { slot } of plan.kept) await output.summary(`  ${nameOfKey(slot)}`);
  const gone = [
    ...plan.lost.map((slot) => `${nameOfKey(slot)}: its passphrase was not given`),
    ...plan.doubles.map((slot) => `${nameOfKey(slot)}: an older one of the same passphrase`),
    ...plan.unreadable.map(({ id }) => `${shortId(id)}: damaged`),
  ];
  if (gone.length > 0) await output.summary("Keys that stop working:");
  for (const line of gone) await output.summary(`  ${line}`);
  await output.flush();
}

interface OtherValues {
  readonly alsoPassphraseFile: readonly string[];
  readonly alsoKeyFile: readonly string[];
}

/** Every passphrase with every key file: which belong together shows when they are tried. */
async function otherSecrets(
  { output, signal }: CommandContext,
  { settings }: KeySession,
  values: OtherValues,
): Promise<RotationSecret[]> {
  const warn = (message: string): void => output.warn(message);
  const keyFiles: Bytes[] = [];
  for (const path of values.alsoKeyFile) {
    const file = { path: resolve(path), setting: "--also-key-file", bytesMax: KEY_FILE_BYTES_MAX };
    keyFiles.push(await readSecretFile(file, warn));
  }
  const secrets: RotationSecret[] = [];
  for (const path of values.alsoPassphraseFile) {
    const setting = "--also-passphrase-file";
    const password = await readPassphrase({
      sources: [{ kind: "file", setting, path: resolve(path) }],
      repository: nameOf(settings),
      ask: () => Promise.reject(new Error("a file is given")),
      confirm: false,
      warn,
      signal,
    });
    secrets.push({ password, keyFiles });
  }
  return secrets;
}
