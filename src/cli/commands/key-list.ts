/** `forge key list`: the key slots of a repository. */
import { type StoredKeySlot, readKeySlots } from "../../../engine/node.ts";
import { type Command, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { displayText, formatBytes, formatIsoTime, formatTime, shortId } from "../format.ts";
import { withKeys } from "../key-session.ts";
import { type Column, formatTable } from "../table.ts";

const COLUMNS: readonly Column[] = [
  { title: "" },
  { title: "ID" },
  { title: "Label" },
  { title: "Made" },
  { title: "Needs" },
  { title: "Cost" },
  { title: "Epoch", align: "right" },
];

export const keyList: Command = defineCommand({
  description:
    "List the keys of a repository. The one that opened it now is marked with a star. A key of an " +
    "older epoch cannot read what was written since the keys were rotated.",
  arguments: {},
  options: {},
  examples: ["forge key list"],
  run(context): Promise<ExitCode> {
    const { output } = context;
    return withKeys(context, async ({ unlocked: { repository } }) => {
      const { slots, unreadable } = await readKeySlots(repository);
      const isUsed = ({ id }: StoredKeySlot): boolean => id === repository.keySlot;
      if (output.json) {
        await output.jsonDocument([
          ...slots.map((slot) => jsonSlot(slot, isUsed(slot))),
          ...unreadable.map(({ id, error }) => ({ id, problem: error.message })),
        ]);
        return EXIT.done;
      }
      await output.lines(
        formatTable(
          COLUMNS,
          slots.map((slot) => row(slot, isUsed(slot))),
        ),
      );
      for (const { error } of unreadable) output.warn(error.message);
      return EXIT.done;
    });
  },
});

function row({ id, header, epochs }: StoredKeySlot, isUsed: boolean): string[] {
  const { memoryKib, passes } = header.kdf;
  return [
    isUsed ? "*" : "",
    shortId(id),
    displayText(header.label),
    formatTime(BigInt(header.createdMs) * 1_000_000n),
    header.needsKeyFile ? "passphrase and key file" : "passphrase",
    `${formatBytes(memoryKib * 1024)} × ${passes}`,
    String(epochs - 1),
  ];
}

function jsonSlot({ id, header, epochs }: StoredKeySlot, isUsed: boolean): object {
  return {
    id,
    label: header.label,
    created: formatIsoTime(BigInt(header.createdMs) * 1_000_000n),
    needsKeyFile: header.needsKeyFile,
    kdf: header.kdf,
    epoch: epochs - 1,
    opened: isUsed,
  };
}
