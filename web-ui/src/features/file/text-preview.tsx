/** The beginning of a text file. */
import { FileQuestion, FileText } from "lucide-react";
import type { ReactNode } from "react";

import type { EntryDetails, TextPreview as TextContent } from "../../../../src/server/api.ts";
import { useText } from "../../api/queries.ts";
import { Badge } from "../../components/badge.tsx";
import { EmptyState, ErrorState, Notice, SlowNotice } from "../../components/states.tsx";
import { formatCount, formatSize } from "../../format.ts";
import { PreviewFrame, PreviewSkeleton } from "./preview-frame.tsx";
import type { PreviewProps } from "./preview-frame.tsx";
import { TextView } from "./text-view.tsx";
import { useHighlight } from "./use-highlight.ts";

export function TextPreview({ details, path }: PreviewProps): ReactNode {
  const query = useText(details.snapshotId, path);
  if (query.isPending) {
    return (
      <>
        <SlowNotice pending />
        <PreviewSkeleton />
      </>
    );
  }
  if (query.isError) {
    return (
      <ErrorState
        title="This text cannot be shown"
        error={query.error}
        onRetry={() => void query.refetch()}
      />
    );
  }
  if (query.data.binary) {
    return (
      <EmptyState icon={FileQuestion} title="This file is not text">
        Download it to open it with another program.
      </EmptyState>
    );
  }
  if (query.data.sizeBytes === 0) return <EmptyState icon={FileText} title="This file is empty" />;
  return <TextContentView details={details} content={query.data} />;
}

const ENCODINGS: Readonly<Record<TextContent["encoding"], string>> = {
  "utf-8": "UTF-8",
  "utf-16le": "UTF-16 LE",
  "utf-16be": "UTF-16 BE",
  latin1: "Latin 1",
};

function TextContentView({
  details,
  content,
}: {
  readonly details: EntryDetails;
  readonly content: TextContent;
}): ReactNode {
  const text = content.text.replaceAll("\r\n", "\n");
  const lines = useHighlight(text, details.entry.name);
  // A last line that is ended is no further line.
  const shown = text.endsWith("\n") ? lines.slice(0, -1) : lines;
  const cut = content.shownBytes < content.sizeBytes;
  return (
    <PreviewFrame
      bar={
        <>
          <Badge>{ENCODINGS[content.encoding]}</Badge>
          <span>{formatCount(shown.length, "line")}</span>
        </>
      }
      notice={
        cut && (
          <Notice tone="info">
            The first {formatSize(content.shownBytes)} of {formatSize(content.sizeBytes)} are shown.
            Download the file to see the rest.
          </Notice>
        )
      }
    >
      <TextView lines={shown} label={`Text of ${details.entry.name}`} />
    </PreviewFrame>
  );
}
