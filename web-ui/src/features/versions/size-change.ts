/** By how much a size changed, in words: "+2.0 KiB"; empty when it did not. */
import { formatSize } from "../../format.ts";

export function sizeChange(beforeBytes: number, afterBytes: number): string {
  const difference = afterBytes - beforeBytes;
  if (difference === 0) return "";
  return `${difference > 0 ? "+" : "−"}${formatSize(Math.abs(difference))}`;
}
