/** A picture: fitted into the window, or larger. */
import { ImageOff, Maximize, ZoomIn, ZoomOut } from "lucide-react";
import { useRef, useState } from "react";
import type { ReactNode } from "react";

import { contentUrl } from "../../api/urls.ts";
import { Button, IconButton } from "../../components/button.tsx";
import { classNames } from "../../components/class-names.ts";
import { EmptyState, Skeleton } from "../../components/states.tsx";
import styles from "./image-preview.module.css";
import { PreviewFrame } from "./preview-frame.tsx";
import type { PreviewProps } from "./preview-frame.tsx";

const ZOOMS = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 8];

interface Size {
  readonly width: number;
  readonly height: number;
}

export function ImagePreview({ details, path }: PreviewProps): ReactNode {
  const [size, setSize] = useState<Size | undefined>();
  const [failed, setFailed] = useState(false);
  /** Absent: fitted. */
  const [zoom, setZoom] = useState<number | undefined>();
  const image = useRef<HTMLImageElement>(null);
  if (failed) {
    return (
      <EmptyState icon={ImageOff} title="This picture cannot be shown">
        It may be damaged, or of a kind that this browser does not know. Download it to look at it
        with another program.
      </EmptyState>
    );
  }
  const shownZoom = (): number =>
    zoom ?? (size && image.current ? image.current.clientWidth / size.width : 1);
  const larger = (): number => ZOOMS.find((one) => one > shownZoom() + 0.001) ?? 8;
  const smaller = (): number => ZOOMS.findLast((one) => one < shownZoom() - 0.001) ?? 0.1;
  return (
    <PreviewFrame
      bar={
        size ? (
          <span>
            {size.width} × {size.height} pixels
          </span>
        ) : (
          <Skeleton width={120} />
        )
      }
      tools={
        <>
          <IconButton
            icon={ZoomOut}
            label="Smaller"
            size="small"
            disabled={size === undefined}
            onClick={() => {
              setZoom(smaller());
            }}
          />
          <Button
            size="small"
            variant="quiet"
            title="Show every pixel"
            disabled={size === undefined}
            onClick={() => {
              setZoom(1);
            }}
          >
            {zoom === undefined ? "Fitted" : `${Math.round(zoom * 100)} %`}
          </Button>
          <IconButton
            icon={ZoomIn}
            label="Larger"
            size="small"
            disabled={size === undefined}
            onClick={() => {
              setZoom(larger());
            }}
          />
          <IconButton
            icon={Maximize}
            label="Fit into the window"
            size="small"
            disabled={zoom === undefined}
            onClick={() => {
              setZoom(undefined);
            }}
          />
        </>
      }
    >
      <div
        className={classNames(styles["stage"], zoom === undefined && styles["fitted"])}
        tabIndex={0}
        role="region"
        aria-label="Picture"
      >
        <img
          ref={image}
          src={contentUrl(details.snapshotId, path, { inline: true })}
          alt={details.entry.name}
          draggable={false}
          className={classNames(styles["image"], size !== undefined && styles["loaded"])}
          style={zoom !== undefined && size ? { width: size.width * zoom } : undefined}
          onLoad={({ currentTarget }) => {
            setSize({ width: currentTarget.naturalWidth, height: currentTarget.naturalHeight });
          }}
          onError={() => {
            setFailed(true);
          }}
          onDoubleClick={() => {
            setZoom(zoom === undefined ? 1 : undefined);
          }}
        />
      </div>
    </PreviewFrame>
  );
}
