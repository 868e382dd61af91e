import { expect, test } from "vitest";
import { markName } from "../../web-ui/src/features/search/mark-name.ts";

function marked(name: string, query: string): string {
  return markName(name, query)
    .map((piece) => (piece.marked ? `[${piece.text}]` : piece.text))
    .join("");
}

test("the part that was looked for is marked as the search finds it", () => {
  expect(marked("My Report.pdf", "report")).toBe("My [Report].pdf");
  expect(marked("my report", "Report")).toBe("my report");
  expect(marked("hosts.deny", "etc/ho")).toBe("[ho]sts.deny");
  expect(marked("re\u0301sume\u0301", "résumé")).toBe("[résumé]");
  expect(marked("a.txt", "*.txt")).toBe("a.txt");
  expect(marked("İi", "i")).toBe("İi");
});
