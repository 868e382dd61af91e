/** Compares two texts beside the page, which goes on meanwhile. */
import { diffText } from "./text-diff.ts";

addEventListener("message", ({ data }: MessageEvent<readonly [string, string]>) => {
  postMessage(diffText(data[0], data[1]));
});
