/**
 * BlobDecoder: sealed bytes of a blob → its verified plaintext. The read side is handed one: in a
 * browser it is the async platform, in Node a pool of worker threads.
 */
import type { Bytes } from "../base/bytes.ts";
import type { BlobLocation } from "../index/blob-location.ts";

export interface BlobDecoder {
  /**
   * Opens, decompresses and checks the blob against its id.
   *
   * @param sealed `location.sealedBytes` bytes. Ownership passes to the decoder, which may transfer
   *   the buffer to another thread; a view of a larger buffer is copied if it has to be.
   * @returns the plaintext in a buffer of its own.
   * @throws ForgeError "corrupt" when the tag, the length or the id does not fit.
   */
  decode(location: BlobLocation, sealed: Bytes): Promise<Bytes>;
  /**
   * `decode` at once for a blob so small that this is the cheaper way; `undefined` for others.
   * @param sealed Stays with the caller.
   * @throws as `decode`.
   */
  decodeNow?(location: BlobLocation, sealed: Bytes): Bytes | undefined;
}
