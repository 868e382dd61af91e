/** Sound and film, with the browser's own controls; going to a place asks the server for that place. */
import { Music, VolumeX } from "lucide-react";
import { useState } from "react";
import type { ReactNode } from "react";

import { contentUrl } from "../../api/urls.ts";
import { EmptyState } from "../../components/states.tsx";
import styles from "./media-preview.module.css";
import type { PreviewProps } from "./preview-frame.tsx";

export function MediaPreview({
  details,
  path,
  kind,
}: PreviewProps & { readonly kind: "audio" | "video" }): ReactNode {
  const [failed, setFailed] = useState(false);
  const source = contentUrl(details.snapshotId, path, { inline: true });
  const fail = (): void => {
    setFailed(true);
  };
  if (failed) {
    return (
      <EmptyState
        icon={VolumeX}
        title={kind === "audio" ? "This sound cannot be played" : "This film cannot be played"}
      >
        This browser may not know its format. Download it to play it with another program.
      </EmptyState>
    );
  }
  if (kind === "audio") {
    return (
      <div className={styles["audio"]}>
        <div className={styles["cover"]}>
          <Music aria-hidden size={48} strokeWidth={1.25} />
        </div>
        <p className={styles["name"]}>{details.entry.name}</p>
        <audio
          controls
          preload="metadata"
          src={source}
          onError={fail}
          aria-label={details.entry.name}
        />
      </div>
    );
  }
  return (
    <div className={styles["video"]}>
      <video
        controls
        playsInline
        preload="metadata"
        src={source}
        onError={fail}
        aria-label={details.entry.name}
      />
    </div>
  );
}
