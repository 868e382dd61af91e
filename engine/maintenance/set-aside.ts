/** Sets a damaged object aside: it moves to `quarantine/`, where nothing looks for it and all its bytes stay. */
import { toHex } from "../base/bytes.ts";
import type { Repository } from "../repository/repository.ts";
import type { Backend, ObjectRef } from "../storage/backend.ts";

/**
 * Copies, then deletes: stopped between the two, the object stands in both places and the next repair
 * goes on. The name tells what it was, and its hash, so that one object can be set aside twice.
 *
 * @returns where it is now. @throws what the backend throws; "missing-object" when it is gone.
 */
export async function setAside(
  { backend, platform }: Repository<Backend>,
  ref: ObjectRef,
): Promise<ObjectRef> {
  const bytes = await backend.read(ref);
  const hash = toHex(await platform.hash(bytes)).slice(0, 16);
  const aside: ObjectRef = { kind: "quarantine", name: `${ref.name}.${hash}.${ref.kind}` };
  await backend.put(aside, bytes);
  await backend.delete([ref]);
  return aside;
}
