/** Writing a new file that nobody else may read. */
import { open, unlink } from "node:fs/promises";
import { ForgeError, messageOf } from "../../engine/node.ts";

/**
 * Writes `content` to a new file with mode 0600, durably.
 * @throws ForgeError "exists", "permission", "io"; then there is no file of ours.
 */
export async function writeSecretFile(file: string, content: string | Uint8Array): Promise<void> {
  try {
    // 0600 from the first moment, and never over a file that is there.
    const handle = await open(file, "wx", 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } catch (error) {
      await unlink(file).catch(() => undefined);
      throw error;
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST") {
      throw new ForgeError("exists", `Cannot write ${file}: it exists; choose another name`);
    }
    throw new ForgeError(
      code === "EACCES" || code === "EPERM" || code === "EROFS" ? "permission" : "io",
      `Cannot write ${file}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
