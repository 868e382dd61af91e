import { nativePlatform } from "../../../engine/platform/node/native.ts";
import { createWebPlatform } from "../../../engine/platform/web.ts";
import { platformContract } from "../../contracts/platform.ts";

platformContract("the web platform", {
  create: createWebPlatform,
  compressing: nativePlatform,
  cannotCompress: {
    zstd: "its WebAssembly only decodes: browsers read repositories",
    lz4: "its own lz4 only decodes: browsers read repositories",
  },
});
