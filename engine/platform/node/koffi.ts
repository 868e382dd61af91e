/** The one importer of `koffi`, which calls functions of shared libraries. Loaded at its first use. */
import { createRequire } from "node:module";

import type * as Koffi from "koffi";

let loaded: typeof Koffi | undefined;

/** @throws what `require` throws when the package has no build for this machine. */
export function loadKoffi(): typeof Koffi {
  // `require` answers at once where `import()` would make every caller asynchronous.
  return (loaded ??= createRequire(import.meta.url)("koffi") as typeof Koffi);
}
