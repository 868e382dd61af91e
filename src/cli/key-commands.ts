/** `forge key …`: the commands about keys, as rows of the command table. */
import type { CommandGroup } from "./command-table.ts";

export const KEY_COMMANDS: CommandGroup = {
  name: "key",
  aliases: [],
  summary: "passphrases, key files and the recovery sheet",
  description:
    "What opens a repository. Each key is a passphrase, with a key file if wanted, that opens a copy " +
    "of the same inner keys; any of them is enough. A key that was removed still opens copies of the " +
    "storage made before, and what it opens there stays readable until the inner keys are rotated.",
  examples: [
    "forge key list",
    "forge key add --label laptop",
    "forge key passwd",
    "forge key export --output sheet.txt",
  ],
  commands: [
    {
      name: "list",
      aliases: [],
      summary: "list the keys, and which one opened",
      load: async () => (await import("./commands/key-list.ts")).keyList,
    },
    {
      name: "add",
      aliases: [],
      summary: "add a passphrase",
      load: async () => (await import("./commands/key-add.ts")).keyAdd,
    },
    {
      name: "remove",
      aliases: [],
      summary: "remove a key",
      load: async () => (await import("./commands/key-remove.ts")).keyRemove,
    },
    {
      name: "passwd",
      aliases: [],
      summary: "change the passphrase of the key in use",
      load: async () => (await import("./commands/key-passwd.ts")).keyPasswd,
    },
    {
      name: "rotate",
      aliases: [],
      summary: "new inner keys, after one was stolen",
      load: async () => (await import("./commands/key-rotate.ts")).keyRotate,
    },
    {
      name: "file",
      aliases: [],
      summary: "make a key file",
      load: async () => (await import("./commands/key-file.ts")).keyFile,
    },
    {
      name: "export",
      aliases: [],
      summary: "print a recovery sheet",
      load: async () => (await import("./commands/key-export.ts")).keyExport,
    },
    {
      name: "import",
      aliases: [],
      summary: "set a new passphrase with a recovery sheet",
      load: async () => (await import("./commands/key-import.ts")).keyImport,
    },
  ],
};
