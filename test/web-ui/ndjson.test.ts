import { expect, test } from "vitest";

import { readJsonLines } from "../../web-ui/src/api/ndjson.ts";

function streamOf(
  parts: readonly Uint8Array[],
  onCancel = (): void => undefined,
): ReadableStream<Uint8Array> {
  const left = [...parts];
  return new ReadableStream({
    pull(controller) {
      const part = left.shift();
      if (part === undefined) controller.close();
      else controller.enqueue(part);
    },
    cancel: onCancel,
  });
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of readJsonLines(stream)) values.push(value);
  return values;
}

test("lines cut anywhere, also within a character, are put together", async () => {
  const bytes = new TextEncoder().encode('{"a":"ä€🎉"}\n\n[1]\r\n"end"');
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
    expect(await readAll(streamOf(parts))).toEqual([{ a: "ä€🎉" }, [1], "end"]);
  }
});

test("a line that is no JSON is an error", async () => {
  await expect(readAll(streamOf([new TextEncoder().encode("{}\n{broken\n")]))).rejects.toThrow();
});

test("ending the loop ends the stream", async () => {
  let cancelled = false;
  const stream = streamOf([new TextEncoder().encode("1\n2\n"), new Uint8Array(3)], () => {
    cancelled = true;
  });
  for await (const value of readJsonLines(stream)) {
    expect(value).toBe(1);
    break;
  }
  expect(cancelled).toBe(true);
});
