/** Base64 (RFC 4648 section 4) for the few bytes in JSON that are not UTF-8. */
import type { Bytes } from "../base/bytes.ts";

export function encodeBase64(bytes: Bytes): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** `undefined` when `text` is not padded base64 and nothing else. */
export function decodeBase64(text: string): Bytes | undefined {
  if (text.length % 4 !== 0 || !BASE64.test(text)) return undefined;
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
