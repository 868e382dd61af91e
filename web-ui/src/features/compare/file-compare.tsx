/** Two versions of a file: their facts, and how they differ as text or picture. */
import { Download, Eye, FileDigit } from "lucide-react";
import type { ReactNode } from "react";

import type { EncodedPath, EntryDetails } from "../../../../src/server/api.ts";
import { useText } from "../../api/queries.ts";
import { contentUrl } from "../../api/urls.ts";
import { LinkButton } from "../../components/button.tsx";
import { EmptyState, ErrorState, Notice, SkeletonRows } from "../../components/states.tsx";
import { DateTime } from "../../components/time.tsx";
import { formatMode, formatSize } from "../../format.ts";
import { fileHref } from "../../routes.ts";
import styles from "./file-compare.module.css";
import { TextDiffView } from "./text-diff-view.tsx";

interface Both {
  readonly before: EntryDetails;
  readonly after: EntryDetails;
  readonly path: EncodedPath;
}

export function FileCompare({ before, after, path }: Both): ReactNode {
  return (
    <div className={styles["scroll"]}>
      <div className={styles["page"]}>
        <div className={styles["facts"]}>
          <Facts title="Before" details={before} other={after} path={path} />
          <Facts title="After" details={after} other={before} path={path} />
        </div>
        <Content before={before} after={after} path={path} />
      </div>
    </div>
  );
}

function Facts({
  title,
  details,
  other,
  path,
}: {
  readonly title: string;
  readonly details: EntryDetails;
  readonly other: EntryDetails;
  readonly path: EncodedPath;
}): ReactNode {
  const { entry, crc32, snapshotId } = details;
  const facts: readonly (readonly [string, ReactNode, boolean])[] = [
    ["Size", formatSize(entry.sizeBytes), entry.sizeBytes !== other.entry.sizeBytes],
    ["Modified", <DateTime key="time" timeMs={entry.mtimeMs} />, details.mtimeNs !== other.mtimeNs],
    ["Permissions", formatMode(entry.type, entry.mode), entry.mode !== other.entry.mode],
    ["Owner", entry.owner, entry.owner !== other.entry.owner],
    ["CRC-32", crc32 ?? "–", crc32 !== other.crc32],
  ];
  return (
    <section aria-label={title} className={styles["side"]}>
      <h2>{title}</h2>
      <dl className={styles["list"]}>
        {facts.map(([name, value, differs]) => (
          <div key={name} data-differs={differs}>
            <dt>{name}</dt>
            <dd>
              {value}
              {differs && <span className="visually-hidden"> (differs)</span>}
            </dd>
          </div>
        ))}
      </dl>
      <div className={styles["actions"]}>
        <LinkButton href={fileHref(snapshotId, path)} size="small" icon={Eye}>
          Open
        </LinkButton>
        {entry.type === "file" && (
          <LinkButton href={contentUrl(snapshotId, path)} download size="small" icon={Download}>
            Download
          </LinkButton>
        )}
      </div>
    </section>
  );
}

function Content({ before, after, path }: Both): ReactNode {
  if (before.entry.type !== after.entry.type) {
    return (
      <EmptyState icon={FileDigit} title="It became something else">
        Before it was a {typeWord(before)}, after it is a {typeWord(after)}.
      </EmptyState>
    );
  }
  if (before.entry.type === "symlink") {
    return (
      <EmptyState icon={FileDigit} title="A link">
        Before it led to {before.entry.target}, after to {after.entry.target}.
      </EmptyState>
    );
  }
  if (before.preview === "image" && after.preview === "image") {
    return (
      <div className={styles["images"]}>
        {[before, after].map((details, index) => (
          <figure key={index}>
            <img
              src={contentUrl(details.snapshotId, path, { inline: true })}
              alt={`${details.entry.name}, ${index === 0 ? "before" : "after"}`}
            />
            <figcaption>{index === 0 ? "Before" : "After"}</figcaption>
          </figure>
        ))}
      </div>
    );
  }
  if (before.preview === "text" && after.preview === "text") {
    return <TextContent before={before} after={after} path={path} />;
  }
  return <Binary before={before} after={after} />;
}

function TextContent({ before, after, path }: Both): ReactNode {
  const old = useText(before.snapshotId, path);
  const now = useText(after.snapshotId, path);
  if (old.isPending || now.isPending) {
    return <SkeletonRows count={14} rowHeight={24} label="Loading the text" />;
  }
  if (old.isError || now.isError) {
    return (
      <ErrorState
        title="The text cannot be read"
        error={old.error ?? now.error}
        onRetry={() => {
          if (old.isError) void old.refetch();
          if (now.isError) void now.refetch();
        }}
      />
    );
  }
  if (old.data.binary || now.data.binary) return <Binary before={before} after={after} />;
  const isCut =
    old.data.shownBytes < old.data.sizeBytes || now.data.shownBytes < now.data.sizeBytes;
  return (
    <>
      {isCut && (
        <div className={styles["notice"]}>
          <Notice>
            Only the first {formatSize(Math.max(old.data.shownBytes, now.data.shownBytes))} are
            compared.
          </Notice>
        </div>
      )}
      <TextDiffView before={old.data.text} after={now.data.text} />
    </>
  );
}

function Binary({ before, after }: Omit<Both, "path">): ReactNode {
  const isSame = before.crc32 === after.crc32 && before.entry.sizeBytes === after.entry.sizeBytes;
  return (
    <EmptyState icon={FileDigit} title={isSame ? "The content is the same" : "The content differs"}>
      {isSame
        ? "Only details of the file differ."
        : "Files of this kind cannot be compared line by line. Download both to look closer."}
    </EmptyState>
  );
}

function typeWord({ entry }: EntryDetails): string {
  return entry.type === "directory" ? "folder" : entry.type.replace("-", " ");
}
