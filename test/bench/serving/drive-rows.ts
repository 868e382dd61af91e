/** What a client of the drive waits for, by curl. */
import { run } from "../process.ts";
import type { ServedCorpus } from "./corpus.ts";
import type { Drive } from "./drives.ts";

export interface ServedSample {
  readonly row: string;
  readonly seconds: number;
}

/** All of it on a drive that was just opened, in the order a person would. */
export function driveRows(drive: Drive, corpus: ServedCorpus): ServedSample[] {
  const at = (path: string): string =>
    `${drive.url}${[...corpus.root.split("/"), ...path.split("/")]
      .filter(Boolean)
      .map((name) => `/${encodeURIComponent(name)}`)
      .join("")}`;
  const listing = ["-X", "PROPFIND", "-H", "Depth: 1"];
  const sample = (row: string, path: string, words: readonly string[], figure = "time_total") => ({
    row,
    seconds: curl(drive, [...words, at(path)], figure),
  });
  return [
    sample("PROPFIND of 10,000 entries, first", `${corpus.many}/`, listing),
    sample("PROPFIND of 10,000 entries, again", `${corpus.many}/`, listing),
    sample("first byte of a small file", corpus.oneFile, [], "time_starttransfer"),
    sample("64 KiB in the middle of 500 MB", corpus.largeFile, ["--range", "250000000-250065535"]),
    sample("GET of 500 MB", corpus.largeFile, []),
  ];
}

/** @throws Error when the answer is no success. */
export function curl(
  drive: Pick<Drive, "login">,
  words: readonly string[],
  figure: string,
): number {
  const format = `%{http_code} %{${figure}}`;
  const said = run({
    words: ["curl", "-s", "-o", "/dev/null", "-w", format, ...drive.login, ...words],
    environment: {},
  });
  const [status = "", seconds = ""] = said.split(" ");
  if (!status.startsWith("2")) throw new Error(`${words.join(" ")} was answered with ${status}`);
  return Number(seconds);
}
