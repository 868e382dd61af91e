/** A stream of JSON lines as values. */

/** Longest line: a hit with the longest names is some 100 KiB. */
const LINE_CHARS_MAX = 4 * 1024 * 1024;

/**
 * The values of the lines of `body`, as they come. Ending the loop early cancels the stream.
 * @throws Error when a line is not JSON or longer than 4 MiB.
 */
export async function* readJsonLines(body: ReadableStream<Uint8Array>): AsyncGenerator {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as unknown;
      if (rest.length > LINE_CHARS_MAX) throw new Error("The server sent a line that is too long");
      if (done) break;
    }
    if (rest.trim() !== "") yield JSON.parse(rest) as unknown;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
