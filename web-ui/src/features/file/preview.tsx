/** A file as the browser can show it. */
import { FileQuestion, Link2, Link2Off } from "lucide-react";
import { Suspense, lazy } from "react";
import type { ReactNode } from "react";

import { contentUrl } from "../../api/urls.ts";
import { LinkButton } from "../../components/button.tsx";
import { EmptyState } from "../../components/states.tsx";
import { fileHref } from "../../routes.ts";
import { ImagePreview } from "./image-preview.tsx";
import { MediaPreview } from "./media-preview.tsx";
import { PreviewSkeleton } from "./preview-frame.tsx";
import type { PreviewProps } from "./preview-frame.tsx";
import { TextPreview } from "./text-preview.tsx";

const PdfPreview = lazy(() => import("./pdf-preview.tsx"));

export function Preview(props: PreviewProps): ReactNode {
  const { details, path } = props;
  const { type } = details.entry;
  if (type === "symlink") return <LinkPreview {...props} />;
  if (type !== "file") {
    return (
      <EmptyState icon={FileQuestion} title={SPECIAL[type] ?? "This is no file"}>
        It has no content of its own. It is made again when it is restored.
      </EmptyState>
    );
  }
  switch (details.preview) {
    case "text":
      return <TextPreview {...props} />;
    case "image":
      return <ImagePreview {...props} />;
    case "audio":
    case "video":
      return <MediaPreview {...props} kind={details.preview} />;
    case "pdf":
      return (
        <Suspense fallback={<PreviewSkeleton />}>
          <PdfPreview {...props} />
        </Suspense>
      );
    case "none":
      return (
        <EmptyState
          icon={FileQuestion}
          title="No preview for this kind of file"
          actions={
            <LinkButton href={contentUrl(details.snapshotId, path)} download>
              Download
            </LinkButton>
          }
        >
          Download it to open it with another program.
        </EmptyState>
      );
    default:
      return details.preview satisfies never;
  }
}

const SPECIAL: Readonly<Record<string, string>> = {
  fifo: "This is a named pipe",
  socket: "This is a socket",
  "char-device": "This is a device",
  "block-device": "This is a disk device",
};

function LinkPreview({ details }: PreviewProps): ReactNode {
  const { targetPath, snapshotId, entry } = details;
  const target = <code>{entry.target ?? ""}</code>;
  if (targetPath === undefined) {
    return (
      <EmptyState icon={Link2Off} title="A link that leads out of this snapshot">
        It leads to {target}, which is not in the snapshot.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={Link2}
      title="This is a link"
      actions={
        <LinkButton href={fileHref(snapshotId, targetPath)} variant="primary">
          Go there
        </LinkButton>
      }
    >
      It leads to {target}.
    </EmptyState>
  );
}
