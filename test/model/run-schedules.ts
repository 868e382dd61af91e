/** The long run: `npm run model:schedules -- --count N --seed S`. */
import { runSchedule } from "./schedules.ts";

const numberAfter = (flag: string, usual: number): number => {
  const at = process.argv.indexOf(flag);
  return at === -1 ? usual : Number(process.argv[at + 1]);
};

const count = numberAfter("--count", 100_000);
const first = numberAfter("--seed", 1);
const total = new Map<string, number>();
let failed = 0;
for (let seed = first; seed < first + count; seed++) {
  try {
    for (const [name, n] of Object.entries(await runSchedule(seed))) {
      total.set(name, (total.get(name) ?? 0) + Number(n));
    }
  } catch (error) {
    failed++;
    process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
  }
}
process.stdout.write(`${count} schedules, ${failed} failed\n`);
for (const [name, n] of total) process.stdout.write(`  ${name}: ${n}\n`);
process.exitCode = failed === 0 ? 0 : 1;
