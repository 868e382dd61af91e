/**
 * OpenSSL called directly, for the AEADs and HMAC. node:crypto makes several objects
 * for every call, which for a blob of a few KiB cost more than the cipher does and have to be
 * collected afterwards (10 µs a blob against 2); here one context serves a thread for its life. The
 * functions are those of the running Node, which exports its own OpenSSL. Nothing promises that:
 * without them everything works through node:crypto.
 */
import { type Bytes, EMPTY_BYTES, equalBytes } from "../../base/bytes.ts";
import { loadKoffi } from "./koffi.ts";

export const TAG_BYTES = 16;
const HMAC_BYTES = 32;
/** evp.h: what EVP_CIPHER_CTX_ctrl is asked for. */
const CTRL_GET_TAG = 0x10;
const CTRL_SET_TAG = 0x11;
/** `EVP_…Update` counts in a C int. */
const DATA_BYTES_MAX = 0x7fff_ffff;

export type DirectCipher = "aes-256-gcm" | "chacha20-poly1305";

export interface DirectCrypto {
  /** Writes `ciphertext ‖ tag` into `out` from `offset`; false when it could not. */
  seal(request: SealInto): boolean;
  /** The plaintext of `ciphertext ‖ tag` into `out` (as long as the ciphertext); false: wrong tag. */
  open(request: OpenInto): boolean;
  /** HMAC-SHA256, a fresh array; `undefined` when it could not. */
  hmacSha256(key: Bytes, data: Bytes): Bytes | undefined;
}

export interface SealInto {
  readonly cipher: DirectCipher;
  readonly key: Bytes;
  readonly nonce: Bytes;
  readonly aad: Bytes;
  readonly data: Bytes;
  readonly out: Bytes;
  readonly offset: number;
}

export interface OpenInto {
  readonly cipher: DirectCipher;
  readonly key: Bytes;
  readonly nonce: Bytes;
  readonly aad: Bytes;
  readonly ciphertext: Bytes;
  readonly tag: Bytes;
  readonly out: Bytes;
}

/** `null` once it is known that they are not there. */
let loaded: DirectCrypto | null | undefined;

/** `undefined` where node:crypto has to do it. */
export function directCrypto(): DirectCrypto | undefined {
  loaded ??= load() ?? null;
  return loaded ?? undefined;
}

type Native = (...call: readonly unknown[]) => unknown;

/** A cipher's context: made once, so that a call sets only key and nonce. */
interface Context {
  readonly pointer: unknown;
}

function load(): DirectCrypto | undefined {
  try {
    return bind(loadKoffi().load(null));
  } catch {
    return undefined;
  }
}

function bind(openssl: ReturnType<ReturnType<typeof loadKoffi>["load"]>): DirectCrypto {
  const sha256: unknown = openssl.func("void *EVP_sha256()")();
  const hmac = hmacSteps(openssl);
  const control: Native = openssl.func("int EVP_CIPHER_CTX_ctrl(void *, int, int, uint8_t *)");
  const sealing = steps(openssl, "Encrypt");
  const opening = steps(openssl, "Decrypt");
  const written = new Int32Array(1);
  const keyArgument = new Argument(ARGUMENT_BYTES);
  const nonceArgument = new Argument(ARGUMENT_BYTES);
  const textArgument = new Argument(ARGUMENT_BYTES);
  const tag = new Argument(TAG_BYTES);
  const digest = new Argument(HMAC_BYTES);

  /** Key, nonce, AAD and data; what comes out goes into `out`. */
  const run = (
    side: CipherSteps,
    request: SealInto | OpenInto,
    { data, out }: { readonly data: Bytes; readonly out: Bytes },
  ): unknown => {
    if (data.length > DATA_BYTES_MAX) return undefined;
    const context = side.contexts[request.cipher].pointer;
    const isDone =
      side.init(
        context,
        null,
        null,
        keyArgument.of(request.key),
        nonceArgument.of(request.nonce),
      ) === 1 &&
      side.update(context, null, written, textArgument.of(request.aad), request.aad.length) === 1 &&
      // Of no bytes OpenSSL would take the call for its end.
      (data.length === 0 || side.update(context, out, written, data, data.length) === 1);
    return isDone ? context : undefined;
  };

  return {
    seal(request): boolean {
      const { data, out, offset } = request;
      const context = run(sealing, request, { data, out: out.subarray(offset) });
      if (context === undefined || sealing.final(context, tag.memory, written) !== 1) return false;
      if (control(context, CTRL_GET_TAG, TAG_BYTES, tag.memory) !== 1) return false;
      out.set(tag.memory, offset + data.length);
      return true;
    },
    open(request): boolean {
      const { ciphertext, out } = request;
      const context = run(opening, request, { data: ciphertext, out });
      return (
        context !== undefined &&
        control(context, CTRL_SET_TAG, TAG_BYTES, tag.of(request.tag)) === 1 &&
        opening.final(context, tag.memory, written) === 1
      );
    },
    hmacSha256(key, data): Bytes | undefined {
      const { context } = hmac;
      // Most calls of a thread have the key of the call before, which is set up already.
      if (key.length === 0 || !equalBytes(hmac.key, key)) {
        hmac.key = EMPTY_BYTES;
        if (hmac.init(context, keyArgument.of(key), key.length, sha256, null) !== 1)
          return undefined;
        hmac.key = key.slice();
      } else if (hmac.init(context, null, 0, null, null) !== 1) {
        return undefined;
      }
      const isDone =
        hmac.update(context, textArgument.of(data), data.length) === 1 &&
        hmac.final(context, digest.memory, null) === 1;
      return isDone ? digest.memory.slice() : undefined;
    },
  };
}

/** What is no longer than this is copied to be handed over. */
const ARGUMENT_BYTES = 256;

/**
 * Memory that short arguments are copied to. V8 keeps short arrays within its heap, and gives each a
 * buffer outside, to be collected later, when native code is shown it: that costs more than a copy.
 */
class Argument {
  readonly memory: Bytes;

  constructor(bytes: number) {
    this.memory = new Uint8Array(new ArrayBuffer(bytes));
  }

  /** What a call takes for `bytes`, until the next. */
  of(bytes: Bytes): Bytes {
    if (bytes.length > this.memory.length) return bytes;
    this.memory.set(bytes);
    return this.memory;
  }
}

interface HmacSteps {
  readonly init: Native;
  readonly update: Native;
  readonly final: Native;
  readonly context: unknown;
  /** The key that the context is set up for; empty when there is none. */
  key: Bytes;
}

/** HMAC in steps: the one call that does them all looks the digest up by its name each time. */
function hmacSteps(openssl: ReturnType<ReturnType<typeof loadKoffi>["load"]>): HmacSteps {
  const context: unknown = openssl.func("void *HMAC_CTX_new()")();
  if (context === null) throw new Error("no HMAC");
  return {
    init: openssl.func("int HMAC_Init_ex(void *, const uint8_t *, int, void *, void *)"),
    update: openssl.func("int HMAC_Update(void *, const uint8_t *, size_t)"),
    final: openssl.func("int HMAC_Final(void *, uint8_t *, void *)"),
    context,
    key: EMPTY_BYTES,
  };
}

interface CipherSteps {
  readonly init: Native;
  readonly update: Native;
  readonly final: Native;
  readonly contexts: Readonly<Record<DirectCipher, Context>>;
}

/** @throws Error where one of the functions is not there, or a context cannot be made. */
function steps(
  openssl: ReturnType<ReturnType<typeof loadKoffi>["load"]>,
  verb: "Encrypt" | "Decrypt",
): CipherSteps {
  const make: Native = openssl.func("void *EVP_CIPHER_CTX_new()");
  const init: Native = openssl.func(
    `int EVP_${verb}Init_ex(void *, void *, void *, const uint8_t *, const uint8_t *)`,
  );
  const update: Native = openssl.func(
    `int EVP_${verb}Update(void *, uint8_t *, int *, const uint8_t *, int)`,
  );
  const final: Native = openssl.func(`int EVP_${verb}Final_ex(void *, uint8_t *, int *)`);
  const context = (name: string): Context => {
    const cipher: unknown = openssl.func(`void *EVP_${name}()`)();
    const pointer = make();
    if (pointer === null || init(pointer, cipher, null, null, null) !== 1) {
      throw new Error(`no ${name}`);
    }
    return { pointer };
  };
  return {
    init,
    update,
    final,
    contexts: {
      "aes-256-gcm": context("aes_256_gcm"),
      "chacha20-poly1305": context("chacha20_poly1305"),
    },
  };
}
