/** Placeholder until the page exists. */
import type { Tool } from "../tools/tool.ts";
import type { ServedCorpus } from "./corpus.ts";
import type { ServedSample } from "./drive-rows.ts";

export function pageRows(
  _tool: Tool,
  _repository: string,
  _where: { readonly corpus: ServedCorpus; readonly work: string },
): Promise<ServedSample[]> {
  return Promise.resolve([]);
}
