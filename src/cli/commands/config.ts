/** `forge config`: a commented starter file, or the configuration in use with secrets masked. */
import { mkdir, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { ForgeError, messageOf } from "../../../engine/base/errors.ts";
import { loadSettings } from "../../config/load-settings.ts";
import { formatYaml } from "../../config/yaml-text.ts";
import { shownSettings } from "../../config/show-settings.ts";
import { STARTER_CONFIGURATION } from "../../config/starter.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { flag, text } from "../option-kinds.ts";

export const config: Command = defineCommand({
  description: "Write a commented starter configuration, or show the one in use.",
  arguments: {},
  options: {
    dest: text("--dest <file>", "where to write it (default: ~/.config/forge/config.yaml)"),
    show: flag("--show", "print the effective configuration, secrets masked"),
  },
  examples: ["forge config", "forge config --dest forge.yaml", "forge config --show"],
  async run(context, { dest, show }): Promise<ExitCode> {
    if (show && dest !== undefined) {
      throw new ForgeError("usage", "Cannot use --show and --dest together: choose one");
    }
    if (show) await showConfiguration(context);
    else await writeStarter(context, dest);
    return EXIT.done;
  },
});

async function showConfiguration({ globals, environment, output }: CommandContext): Promise<void> {
  const settings = await loadSettings({
    flag: globals.config,
    environment,
    workingFolder: process.cwd(),
    warn: (message) => output.warn(message),
  });
  const shown = shownSettings(settings);
  if (output.json) await output.jsonDocument(shown);
  else await output.line(formatYaml(shown).trimEnd());
}

async function writeStarter(
  { environment, output }: CommandContext,
  dest: string | undefined,
): Promise<void> {
  const file = resolve(dest ?? `${environment.configHome}/forge/config.yaml`);
  if (file.toLowerCase().endsWith(".toml")) {
    throw new ForgeError("usage", `Cannot write ${file}: the starter is YAML; use a .yaml name`);
  }
  try {
    await mkdir(dirname(file), { recursive: true });
    // 0600 from the first moment, and never over a file that is there.
    const handle = await open(file, "wx", 0o600);
    try {
      await handle.writeFile(STARTER_CONFIGURATION);
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST") {
      throw new ForgeError(
        "exists",
        `Cannot write a starter configuration to ${file}: it exists; choose another place with --dest`,
      );
    }
    throw new ForgeError(
      code === "EACCES" || code === "EROFS" ? "permission" : "io",
      `Cannot write a starter configuration to ${file}: ${messageOf(error)}`,
      { cause: error },
    );
  }
  if (output.json) await output.jsonDocument({ type: "config", file });
  else output.note(`Wrote ${file}; edit it, then run: forge init`);
}
