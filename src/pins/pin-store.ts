/**
 * The pins in the state directory: `pins/<repository id>.json` and `places/<hash of the location>.json`.
 * Written atomically. Nothing here keeps anyone from reading a backup: what cannot be read counts as
 * never seen, what cannot be written is forgotten, and both are said.
 */
import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { ForgeError, messageOf } from "../../engine/node.ts";
import {
  type PlacePin,
  type RepositoryPin,
  decodePlacePin,
  decodeRepositoryPin,
  encodePlacePin,
  encodeRepositoryPin,
} from "./pin-codec.ts";

/** Heads of 50,000 writers; more is not ours. */
const PIN_BYTES_MAX = 16 * 1024 * 1024;

export interface PinStoreOptions {
  /** forge's state directory. */
  readonly folder: string;
  /** A file that is there and cannot be used. */
  readonly onUnreadable: (message: string) => void;
  /** Nothing can be kept, as in a home that is read-only. */
  readonly onUnwritable: (message: string) => void;
}

export class PinStore {
  readonly #options: PinStoreOptions;

  constructor(options: PinStoreOptions) {
    this.#options = options;
  }

  readRepository(repositoryId: string): RepositoryPin | undefined {
    const pin = this.#read(this.#repositoryFile(repositoryId), decodeRepositoryPin);
    return pin?.repositoryId === repositoryId ? pin : undefined;
  }

  writeRepository(pin: RepositoryPin): void {
    this.#write(this.#repositoryFile(pin.repositoryId), encodeRepositoryPin(pin));
  }

  readPlace(location: string): PlacePin | undefined {
    const pin = this.#read(this.#placeFile(location), decodePlacePin);
    return pin?.location === location ? pin : undefined;
  }

  writePlace(pin: PlacePin): void {
    this.#write(this.#placeFile(pin.location), encodePlacePin(pin));
  }

  #repositoryFile(repositoryId: string): string {
    return path.join(this.#options.folder, "pins", `${repositoryId}.json`);
  }

  #placeFile(location: string): string {
    const name = createHash("sha256").update(location).digest("hex").slice(0, 32);
    return path.join(this.#options.folder, "places", `${name}.json`);
  }

  #read<Pin>(file: string, decode: (text: string) => Pin): Pin | undefined {
    try {
      const { size } = fs.statSync(file);
      if (size > PIN_BYTES_MAX) throw new ForgeError("too-large", `it has ${size} bytes`);
      return decode(fs.readFileSync(file, "utf8"));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      this.#options.onUnreadable(
        `Cannot use what this machine remembers of the repository, ${file}: ${messageOf(error)}; older states of the storage cannot be noticed by it`,
      );
      return undefined;
    }
  }

  #write(file: string, text: string): void {
    const temporary = `${file}.${randomBytes(6).toString("hex")}.tmp`;
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
      const descriptor = fs.openSync(temporary, "wx", 0o600);
      try {
        fs.writeFileSync(descriptor, text);
        fs.fsyncSync(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
      fs.renameSync(temporary, file);
    } catch (error) {
      removeQuietly(temporary);
      this.#options.onUnwritable(
        `Cannot remember the state of the repository in ${file}: ${messageOf(error)}`,
      );
    }
  }
}

function removeQuietly(file: string): void {
  try {
    fs.rmSync(file, { force: true });
  } catch {
    // Where nothing could be written there is nothing to remove.
  }
}
