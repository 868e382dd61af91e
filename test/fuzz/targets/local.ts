/** Files of this machine and what people type: pins, what was checked, settings, a recovery sheet. */
import { type Bytes, findUtf8, toHex } from "../../../engine/base/bytes.ts";
import { type RepositoryId, idOf } from "../../../engine/base/ids.ts";
import { decodeRecoveryLines } from "../../../engine/crypto/recovery-lines.ts";
import { CheckRecord } from "../../../engine/maintenance/check-record.ts";
import { nativePlatform } from "../../../engine/platform/node/native.ts";
import { decodeSettings } from "../../../src/config/decode-settings.ts";
import { parseToml } from "../../../src/config/toml-text.ts";
import { parseYaml } from "../../../src/config/yaml-text.ts";
import { decodePlacePin, decodeRepositoryPin } from "../../../src/pins/pin-codec.ts";
import { type FuzzTarget, expectThat } from "../fuzz-target.ts";
import { keys } from "../fuzz-world.ts";

const PIN_WORDS = [
  '"version": 1',
  '"version": 2',
  '"epochs"',
  '"heads"',
  '"settled"',
  '"accepted"',
  '"ranges": [[1, 2]]',
  "[",
  "]",
  "{",
  "}",
  "null",
  "1e99",
  '""',
  '"__proto__"',
  ",",
];
const SETTING_WORDS = [
  "repositories:",
  "retention:",
  "keep-daily: 7",
  "sources:",
  "exclude:",
  "  - ",
  "- &a ",
  "*a",
  "<<: *a",
  "!!binary ",
  "!!js/function ",
  "---\n",
  "'",
  '"',
  "{",
  "[",
  "]",
  "= ",
  "[[a]]",
  '"""',
  "${HOME}",
  "1979-05-27T07:32:00Z",
  "0x7fffffffffffffff",
];

export const LOCAL_TARGETS: readonly FuzzTarget[] = [
  {
    name: "repository-pin",
    words: PIN_WORDS,
    isJson: true,
    run(input) {
      const { seen } = decodeRepositoryPin(latin1(input));
      expectThat(Number.isSafeInteger(seen.epochs), "epochs that are no number");
    },
  },
  {
    name: "place-pin",
    words: PIN_WORDS,
    isJson: true,
    run: (input) => decodePlacePin(latin1(input)),
  },
  {
    name: "check-record",
    run(input, seed) {
      const id = idOf<RepositoryId>(keys.repositoryId);
      // Most of them are about this repository.
      if (seed % 8 !== 0 && input.length >= 40) input.set(keys.repositoryId, 8);
      const record = CheckRecord.decode(input, id);
      expectThat(record.size <= input.length / 40, "more packs than there is room for");
      record.encode();
    },
  },
  {
    name: "recovery-lines",
    words: ["A1", "B2", "b03", "\n", "-", " ", "O", "I", "L", "U", "A0", "A5000", "A99999999999"],
    async run(input) {
      const { A, B } = await decodeRecoveryLines(nativePlatform, latin1(input));
      expectThat(A.length % 15 === 0 && B.length % 15 === 0, `${toHex(A)} ${toHex(B)}`);
    },
  },
  {
    name: "settings-yaml",
    words: SETTING_WORDS,
    run: (input) =>
      decodeSettings(parseYaml(findUtf8(input) ?? latin1(input), "f.yaml"), DECODE_OPTIONS),
  },
  {
    name: "settings-toml",
    words: SETTING_WORDS,
    run: (input) =>
      decodeSettings(parseToml(findUtf8(input) ?? latin1(input), "f.toml"), DECODE_OPTIONS),
  },
];

const DECODE_OPTIONS = { file: "f", folder: "/f", home: "/home/a" };

/** A view: `Buffer.from(bytes)` copies byte by byte. */
function latin1({ buffer, byteOffset, length }: Bytes): string {
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}
