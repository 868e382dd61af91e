import { describe, expect, test } from "vitest";
import { parseCommandLine } from "../../../src/cli/command-line.ts";
import { COMMANDS } from "../../../src/cli/command-table.ts";

const options = { commands: COMMANDS, version: "0", columns: 100 };

describe("the commands of forge", () => {
  test("have names of their own", () => {
    const names = COMMANDS.flatMap(({ name, aliases }) => [name, ...aliases]);
    expect(new Set(names).size).toBe(names.length);
  });

  const all = COMMANDS.flatMap((entry) => [
    entry.name,
    ...("commands" in entry ? entry.commands.map(({ name }) => `${entry.name} ${name}`) : []),
  ]);

  test.each(all)("%s explains itself", async (name) => {
    const parsed = await parseCommandLine([...name.split(" "), "--help"], options);
    expect(parsed.kind).toBe("help");
    const text = parsed.kind === "help" ? parsed.text : "";
    expect(text).toContain(`Usage: forge ${name}`);
    expect(text).toContain("Examples:");
  });

  test("the overview names them all, aliases too", async () => {
    const parsed = await parseCommandLine(["--help"], options);
    const text = parsed.kind === "help" ? parsed.text : "";
    for (const { name, summary } of COMMANDS) {
      expect(text).toContain(name);
      expect(text).toContain(summary.split(" ")[0]);
    }
    expect(text).toContain("snapshots|list");
  });
});
