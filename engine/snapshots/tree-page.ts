/**
 * The two kinds of directory pages behind one decoder. Encoders: `encodeLeafPage` in
 * leaf-page-encode.ts, `encodeReferencePage` in reference-page.ts. FORMAT.md "Trees".
 */
import type { Bytes } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import { LEAF_PAGE, REFERENCE_PAGE } from "./leaf-layout.ts";
import { type LeafPage, decodeLeafPage } from "./leaf-page.ts";
import { ReferencePage } from "./reference-page.ts";

export type TreePage = LeafPage | ReferencePage;

/**
 * Decodes and completely checks a page of a directory.
 *
 * @param bytes A verified tree blob. Kept by the page, not copied; not to be changed after.
 * @throws ForgeError "corrupt"; "unsupported-version" for a page of a newer format. An empty name is
 *   corrupt: the root page of a snapshot is read by `decodeRootPage`.
 */
export function decodeTreePage(bytes: Bytes): TreePage {
  const kind = bytes[0];
  if (kind === LEAF_PAGE) return decodeLeafPage(bytes, { root: false });
  if (kind === REFERENCE_PAGE) return new ReferencePage(bytes);
  const found = kind === undefined ? "it is empty" : `it is of kind ${kind}`;
  throw new ForgeError("corrupt", `Cannot decode a directory page: ${found}`);
}

/**
 * Decodes the root blob of a snapshot: a leaf page whose one entry, number 0, is the directory `/`
 * with the empty name. @throws ForgeError "corrupt", "unsupported-version".
 */
export function decodeRootPage(bytes: Bytes): LeafPage {
  return decodeLeafPage(bytes, { root: true });
}
