/**
 * One backup in a process of its own, begun when a line arrives on stdin: by then a tracer may have
 * attached to the thread that does the file system calls of the storage.
 *
 *     node backup-driver.ts <repository> <passphrase> <tree>
 */
import { once } from "node:events";

import { isForgeError } from "../../engine/base/errors.ts";
import { LocalBackend } from "../../engine/storage/node/local.ts";
import { openRepository } from "../../engine/node.ts";
import { backUp } from "../helpers/backup-fixture.ts";

const [place = "", passphrase = "", tree = ""] = process.argv.slice(2);
const backend = new LocalBackend(place);
const repository = await openRepository({
  backend,
  credentials: { passphrase: () => Promise.resolve(passphrase) },
});
process.stdout.write("ready\n");
await once(process.stdin, "data");
try {
  await backUp(repository, tree);
  process.exit(0);
} catch (error) {
  process.stdout.write(`${isForgeError(error) ? error.code : String(error)}\n`);
  process.exit(1);
}
