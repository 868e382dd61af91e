/** Every decoder that is fuzzed. */
import type { FuzzTarget } from "../fuzz-target.ts";
import { LOCAL_TARGETS } from "./local.ts";
import { OBJECT_TARGETS } from "./objects.ts";
import { TREE_TARGETS } from "./trees.ts";
import { WEB_TARGETS } from "./web.ts";

export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  ...OBJECT_TARGETS,
  ...TREE_TARGETS,
  ...WEB_TARGETS,
  ...LOCAL_TARGETS,
];
