/** Folders of the server's machine, for choosing where to restore to. */
import { access, constants, opendir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { ForgeError, messageOf } from "../../../engine/base/errors.ts";
import { displayText } from "../../cli/format.ts";
import type { ServerFolders } from "../api.ts";
import { type ApiRoute, getRoute } from "../api-route.ts";
import { type RestorePolicy, isWithin } from "../restore-policy.ts";
import { sendJson } from "../send-json.ts";
import type { WebContext } from "../web-context.ts";

const FOLDERS_MAX = 2000;
/** Entries that are looked at: a folder of a million files has its folders somewhere. */
const LOOKED_AT_MAX = 50_000;

export function serverFolderRoutes({ restorePolicy }: WebContext): readonly ApiRoute[] {
  return [
    getRoute("/server-folders", async ({ response, query }) => {
      const path = query.findText("path") ?? "";
      sendJson(response, await listFolders(restorePolicy, path));
    }),
  ];
}

/** @param wanted Empty: where one begins to look. */
async function listFolders(policy: RestorePolicy, wanted: string): Promise<ServerFolders> {
  const [first, second] = policy.roots;
  if (wanted === "" && second !== undefined) return rootsAsFolder(policy);
  const path = await policy.checkTarget(wanted === "" ? (first ?? homedir()) : wanted);
  const { names, truncated } = await readFolderNames(path);
  const writable = await access(path, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  return {
    path,
    parent: parentOf(policy, path),
    folders: names.map((name) => ({ name: displayText(name), path: join(path, name) })),
    writable,
    truncated,
  };
}

/** Several places that have nothing in common stand beside each other. */
function rootsAsFolder({ roots }: RestorePolicy): ServerFolders {
  const folders = roots.map((path) => ({ name: path, path }));
  return { path: "", parent: undefined, folders, writable: false, truncated: false };
}

function parentOf({ roots }: RestorePolicy, path: string): string | undefined {
  const parent = dirname(path);
  if (roots.length === 0) return parent === path ? undefined : parent;
  if (roots.some((root) => isWithin(parent, root))) return parent;
  return roots.length > 1 ? "" : undefined;
}

/** Symlinks to folders are folders too; where they lead is checked when one is chosen. */
async function readFolderNames(
  path: string,
): Promise<{ readonly names: readonly string[]; readonly truncated: boolean }> {
  const names: string[] = [];
  let looked = 0;
  try {
    for await (const entry of await opendir(path)) {
      if (++looked > LOOKED_AT_MAX || names.length >= FOLDERS_MAX) {
        return { names: names.toSorted(), truncated: true };
      }
      // Paths here are text; what is none cannot be named by it.
      if (entry.name.includes("\ufffd")) continue;
      if (
        entry.isDirectory() ||
        (entry.isSymbolicLink() && (await isFolder(join(path, entry.name))))
      ) {
        names.push(entry.name);
      }
    }
  } catch (error) {
    throw listError(path, error);
  }
  return { names: names.toSorted(), truncated: false };
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function listError(path: string, error: unknown): ForgeError {
  const found = error instanceof Error && "code" in error ? error.code : undefined;
  const code =
    found === "ENOENT"
      ? "not-found"
      : found === "ENOTDIR"
        ? "not-a-directory"
        : found === "EACCES" || found === "EPERM"
          ? "permission"
          : "io";
  return new ForgeError(code, `Cannot list the folder ${path}: ${messageOf(error)}`, {
    cause: error,
  });
}
