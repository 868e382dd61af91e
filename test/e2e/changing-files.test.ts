/**
 * Files that change while they are read. Whatever the backup says nothing about must be a state that
 * the file really had; the rest it names, with exit code 3; and it never hangs.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ForgeWorld, buildForge, jsonLines } from "../helpers/forge-program.ts";
import { hasProgram, need } from "../helpers/need.ts";

const WRITER = fileURLToPath(new URL("../helpers/restless_writer.py", import.meta.url));
const FILES_EACH = 12;
const ROUNDS = 6;
const SIZE = 300_000;

let world: ForgeWorld;
let folder: string;
let writer: ChildProcess | undefined;

beforeAll(() => {
  buildForge();
  world = new ForgeWorld();
  folder = world.path("restless");
  mkdirSync(folder);
  world.init();
});
afterAll(() => {
  writer?.kill("SIGKILL");
  world.remove();
});

describe.skipIf(!need(hasProgram("python3"), "python3"))("files that change all the time", () => {
  test("are saved in a state they had, or named", async () => {
    writer = spawn("python3", [WRITER, folder, String(FILES_EACH)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(writer.stdout ?? writer, "data");
    let told = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const words = ["backup", "restless", "--json", ...(round % 2 ? ["--parent", "none"] : [])];
      const saved = await world.finish(words, { timeoutMs: 30_000 });
      expect([0, 3]).toContain(saved.code);
      const warnings = jsonLines(saved.stderr).map(({ message }) => String(message));
      expect(saved.code === 3).toBe(warnings.length > 0);
      told += warnings.length;
      const target = world.path(`back-${round}`);
      const back = await world.finish(["restore", `latest:${folder}`, "-t", target, "--verify"]);
      expect(back).toMatchObject({ code: 0, stderr: "" });
      const wrong = wrongFiles(target).filter(
        (path) => !warnings.some((message) => message.startsWith(`${join(folder, path)}:`)),
      );
      expect(wrong).toEqual([]);
      rmSync(target, { recursive: true });
    }
    writer.stdin?.write("stop\n");
    const [steps] = (await once(writer.stdout ?? writer, "data")) as [Buffer];
    console.log(`${ROUNDS} backups during ${steps.toString().trim()} changes: ${told} files named`);
  }, 120_000);

  test("are saved as they are once they rest", async () => {
    const saved = await world.finish(["backup", "restless", "--json"]);
    expect(saved).toMatchObject({ code: 0, stderr: "" });
    const target = world.path("rested");
    expect(await world.finish(["restore", `latest:${folder}`, "-t", target])).toMatchObject({
      code: 0,
    });
    const names = readdirSync(folder, { recursive: true, withFileTypes: true });
    for (const entry of names.filter((found) => found.isFile())) {
      const path = join(entry.parentPath, entry.name);
      expect(readFileSync(join(target, path.slice(folder.length))).equals(readFileSync(path))).toBe(
        true,
      );
    }
  });
});

/** Files whose content is of no moment that there was. */
function wrongFiles(target: string): string[] {
  const wrong: string[] = [];
  for (const entry of readdirSync(target, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const shown = path.slice(target.length + 1);
    if (!isState(shown, readFileSync(path, "latin1"))) wrong.push(shown);
  }
  return wrong;
}

function isState(name: string, content: string): boolean {
  const [kind = ""] = name.split(/[-/]/);
  if (name.endsWith(".new")) return content.length <= SIZE && isOneLetter(content);
  switch (kind) {
    case "log":
    case "cut":
      return isNumbered(content);
    case "swap":
      return content.length === SIZE && isOneLetter(content);
    case "block":
      return content.length === SIZE && countChanges(content) <= 1;
    case "come":
      return content === "";
    case "dir":
      return content === "" || (content.length === 1000 && isOneLetter(content));
    default:
      return false;
  }
}

/** Lines are appended by a single write, of which another program may see a part. */
function isNumbered(content: string): boolean {
  for (let at = 0, number = 0; at < content.length; at += 10, number++) {
    const line = `${String(number).padStart(9, "0")}\n`;
    if (!line.startsWith(content.slice(at, at + 10))) return false;
  }
  return true;
}

function isOneLetter(content: string): boolean {
  return content === (content[0] ?? "").repeat(content.length);
}

/** How often the letter changes on the way through. */
function countChanges(content: string): number {
  let changes = 0;
  for (let i = 1; i < content.length; i++) if (content[i] !== content[i - 1]) changes++;
  return changes;
}
