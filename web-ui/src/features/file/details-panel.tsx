/** All that the snapshot knows of one entry. */
import { Copy } from "lucide-react";
import type { ReactNode } from "react";

import type { EntryDetails, EntryType } from "../../../../src/server/api.ts";
import { IconButton } from "../../components/button.tsx";
import { showToast } from "../../components/toast.tsx";
import { DateTime } from "../../components/time.tsx";
import { formatMode, formatModeNumber, formatNumber, formatSize, msOfNs } from "../../format.ts";
import styles from "./details-panel.module.css";

const TYPES: Readonly<Record<EntryType, string>> = {
  file: "File",
  directory: "Folder",
  symlink: "Link",
  fifo: "Named pipe",
  socket: "Socket",
  "char-device": "Character device",
  "block-device": "Block device",
};

export function DetailsPanel({ details }: { readonly details: EntryDetails }): ReactNode {
  const { entry } = details;
  const place = `/${details.crumbs.map(({ name }) => name).join("/")}`;
  const sparse = entry.type === "file" && details.allocatedBytes < entry.sizeBytes;
  return (
    <div className={styles["panel"]}>
      <dl className={styles["list"]}>
        <Row label="Type">{TYPES[entry.type]}</Row>
        {entry.type === "file" && (
          <Row label="Size">
            {formatSize(entry.sizeBytes)}
            {entry.sizeBytes >= 1024 && (
              <span className={styles["more"]}>{formatNumber(entry.sizeBytes)} bytes</span>
            )}
          </Row>
        )}
        {sparse && <Row label="On disk">{formatSize(details.allocatedBytes)}</Row>}
        {details.contentType !== undefined && <Row label="Kind">{details.contentType}</Row>}
        {entry.target !== undefined && (
          <Row label="Leads to">
            <code>{entry.target}</code>
          </Row>
        )}
        <Row label="Modified">
          <DateTime timeMs={entry.mtimeMs} />
        </Row>
        <Row label="Changed">
          <DateTime timeMs={msOfNs(details.ctimeNs)} />
        </Row>
        <Row label="Owner">
          {entry.owner}
          <span className={styles["more"]}>
            {details.uid}:{details.gid}
          </span>
        </Row>
        <Row label="Permissions">
          <code>{formatMode(entry.type, entry.mode)}</code>
          <span className={styles["more"]}>{formatModeNumber(entry.mode)}</span>
        </Row>
        {details.linkCount > 1 && <Row label="Hard links">{formatNumber(details.linkCount)}</Row>}
        {details.device && (
          <Row label="Device">
            {details.device.major}, {details.device.minor}
          </Row>
        )}
        {details.crc32 !== undefined && (
          <Row label="CRC-32">
            <code>{details.crc32}</code>
          </Row>
        )}
        <Row label="Path">
          <span className={styles["path"]}>
            <span>{place}</span>
            <IconButton
              icon={Copy}
              label="Copy the path"
              size="small"
              onClick={() => {
                copy(place);
              }}
            />
          </span>
        </Row>
      </dl>
      {details.xattrs.length > 0 && (
        <section className={styles["attributes"]}>
          <h3>Extended attributes</h3>
          <dl>
            {details.xattrs.map(({ name, value }) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <code>{value === "" ? "(empty)" : value}</code>
                </dd>
              </div>
            ))}
          </dl>
        </section>
      )}
    </div>
  );
}

function Row({
  label,
  children,
}: {
  readonly label: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className={styles["row"]}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Browsers have a clipboard only over TLS and on this machine. */
function copy(text: string): void {
  const done = (): void => {
    showToast({ tone: "success", text: "The path is in the clipboard." });
  };
  const failed = (): void => {
    showToast({ tone: "danger", text: "This browser does not allow copying here." });
  };
  if ("clipboard" in navigator) navigator.clipboard.writeText(text).then(done, failed);
  else failed();
}
