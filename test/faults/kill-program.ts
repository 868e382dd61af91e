/** The program going on after it was killed: nothing is done to help but waiting for leases to end. */
import { rmSync } from "node:fs";

import { LEASE_TTL_MS } from "../../engine/repository/lease.ts";
import { PASSPHRASE, directoryLines, equalLines, withoutCtime } from "../helpers/backup-fixture.ts";
import type { Ended } from "../helpers/forge-program.ts";
import { type KillWorld, NEW_PASSPHRASE, age } from "./kill-world.ts";

export interface ProgramPlace {
  readonly repository: string;
  readonly run: (words: readonly string[], passphrase: string) => Promise<Ended>;
  readonly wrong: string[];
}

/** Of an init that came to nothing. */
export async function initByProgram(world: KillWorld, place: ProgramPlace): Promise<void> {
  const { code, stderr } = await place.run(world.words, PASSPHRASE);
  if (code !== 0) place.wrong.push(`the next init ended with ${String(code)}: ${stderr}`);
}

/** `snapshots`, the same command, `backup`, `restore` and `check --read-data`, each ending with 0. */
export async function examineByProgram(world: KillWorld, place: ProgramPlace): Promise<void> {
  const { repository, run, wrong } = place;
  let passphrase = PASSPHRASE;
  const expectDone = async (words: readonly string[]): Promise<Ended> => {
    const ended = await run(words, passphrase);
    if (ended.code !== 0) {
      wrong.push(`then ${words.join(" ")} ended with ${String(ended.code)}: ${ended.stderr}`);
    }
    return ended;
  };
  const { code } = await run(["snapshots"], passphrase);
  if (code !== 0 && world.operation === "key passwd") passphrase = NEW_PASSPHRASE;
  const listed = await expectDone(["snapshots", "--json"]);
  age(`${repository}/leases`, LEASE_TTL_MS + 1000);
  if (isPossibleAgain(world, listed.stdout)) await expectAgain(world, passphrase, place);
  if (world.operation === "key passwd") passphrase = await workingOne(run);
  await expectDone(["backup", world.tree]);
  const target = `${repository}-restored`;
  rmSync(target, { recursive: true, force: true });
  await expectDone(["restore", `latest:${world.tree}`, "--target", target]);
  const restored = directoryLines(target);
  if (!equalLines(withoutCtime(restored), withoutCtime(world.lines))) {
    wrong.push("what the program restored differs");
  }
  await expectDone(["check", "--read-data"]);
}

async function expectAgain(
  world: KillWorld,
  passphrase: string,
  { run, wrong }: ProgramPlace,
): Promise<void> {
  const { code, stderr } = await run(world.words, passphrase);
  // A repair that finds something to mend says so.
  if (code === 0 || (code === 1 && world.operation === "repair")) return;
  wrong.push(`the same again ended with ${String(code)}: ${stderr}`);
}

/** What was deleted cannot be deleted once more, and a repository not made twice. */
function isPossibleAgain(world: KillWorld, listed: string): boolean {
  if (world.operation === "init") return false;
  return world.operation !== "delete" || [...world.doomed].every((id) => listed.includes(id));
}

async function workingOne(run: ProgramPlace["run"]): Promise<string> {
  const { code } = await run(["snapshots"], NEW_PASSPHRASE);
  return code === 0 ? NEW_PASSPHRASE : PASSPHRASE;
}
