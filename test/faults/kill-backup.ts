/**
 * The long run of the kill campaign. Needs strace and the built program.
 *
 *     npm run faults:kill -- --points 200
 */
import { mkdtempSync, rmSync } from "node:fs";

import { buildForge } from "../helpers/forge-program.ts";
import { KillCampaign, sharesOf } from "./kill-campaign.ts";

const at = process.argv.indexOf("--points");
const points = at < 0 ? 200 : Number(process.argv[at + 1]);
if (!Number.isSafeInteger(points) || points < 4) throw new Error("--points takes a number from 4");

buildForge();
const folder = mkdtempSync("/var/tmp/forge-kill-");
const campaign = new KillCampaign(folder);
await campaign.prepare();
const killed = new Map<string, number>();
const calls = new Map<string, number>();
let failed = 0;
const startedMs = Date.now();
for await (const { phase, call, number, wrong } of campaign.run(sharesOf(points))) {
  count(killed, phase);
  count(calls, `${phase} ${call}`);
  if (wrong.length === 0) continue;
  failed++;
  console.log(`${phase} ${call} ${number}:\n  ${wrong.join("\n  ")}`);
}
const seconds = Math.round((Date.now() - startedMs) / 1000);
console.log(`killed by phase: ${JSON.stringify(Object.fromEntries(killed))}`);
console.log(`by call: ${JSON.stringify(Object.fromEntries([...calls].sort()))}`);
console.log(`${failed} with something wrong, ${seconds} s`);
rmSync(folder, { recursive: true, force: true });
process.exit(failed > 0 ? 1 : 0);

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
