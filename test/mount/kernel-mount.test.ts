import { describe } from "vitest";
import { mountContract } from "../contracts/mount.ts";
import { needFuse } from "../helpers/need.ts";

describe.skipIf(!needFuse())("a mount by the kernel's protocol", () => mountContract("kernel"));
