/** A whole directory → its pages, bottom up. FORMAT.md "Trees". */
import type { Bytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import type { BlobId } from "../base/ids.ts";
import { encodeLeafPage } from "./leaf-page-encode.ts";
import { type PageRef, encodeReferencePage } from "./reference-page.ts";
import { cutLeafPages, cutReferencePages } from "./tree-cut.ts";
import type { TreeNode } from "./tree-node.ts";

/**
 * Encodes a directory into as many pages as it needs.
 *
 * @param nodes As for `encodeLeafPage`, any number of them.
 * @param cutTable 256 × u32, secret of the repository.
 * @param emit Takes each finished page (a fresh buffer it owns), children before parents, and gives
 *   its blob id. Called one page after another.
 * @returns the id of the root page.
 * @throws ForgeError "too-large" and whatever `emit` throws.
 */
export async function encodeDirectory(
  nodes: readonly TreeNode[],
  cutTable: Uint32Array,
  emit: (page: Bytes) => BlobId | Promise<BlobId>,
): Promise<BlobId> {
  const leafEnds = cutLeafPages(nodes, cutTable);
  if (leafEnds.length === 1) return emit(encodeLeafPage(nodes));
  let refs: PageRef[] = [];
  let start = 0;
  for (const end of leafEnds) {
    const page = nodes.slice(start, end);
    const first = page[0];
    assert(first !== undefined, "an empty page of a large directory");
    const id = await emit(encodeLeafPage(page));
    refs.push({ id, firstName: first.name, entries: page.length });
    start = end;
  }
  for (let level = 1; ; level++) {
    const ends = cutReferencePages(refs, cutTable);
    if (ends.length === 1) return emit(encodeReferencePage(level, refs));
    const above: PageRef[] = [];
    start = 0;
    for (const end of ends) {
      const children = refs.slice(start, end);
      const first = children[0];
      assert(first !== undefined, "an empty page of references");
      const entries = children.reduce((sum, child) => sum + child.entries, 0);
      const id = await emit(encodeReferencePage(level, children));
      above.push({ id, firstName: first.firstName, entries });
      start = end;
    }
    refs = above;
  }
}
