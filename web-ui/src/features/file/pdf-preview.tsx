/** A PDF, page below page. Pages become pictures when they come near the window. */
import { FileX, ZoomIn, ZoomOut } from "lucide-react";
import type { PDFDocumentProxy } from "pdfjs-dist";
import { useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";

import { messageOf } from "../../api/client.ts";
import { contentUrl } from "../../api/urls.ts";
import { IconButton } from "../../components/button.tsx";
import { EmptyState, SlowNotice } from "../../components/states.tsx";
import { openPdf } from "./pdf-document.ts";
import { PdfPage } from "./pdf-page.tsx";
import styles from "./pdf-preview.module.css";
import { PreviewFrame, PreviewSkeleton } from "./preview-frame.tsx";
import type { PreviewProps } from "./preview-frame.tsx";

const ZOOMS = [0.5, 0.75, 1, 1.25, 1.5, 2];

interface Opened {
  readonly pdf: PDFDocumentProxy;
  /** Of the first page, in points: what pages that were not looked at yet are taken to be. */
  readonly size: { readonly width: number; readonly height: number };
}

export default function PdfPreview({ details, path }: PreviewProps): ReactNode {
  const [opened, setOpened] = useState<Opened | undefined>();
  const [error, setError] = useState<unknown>();
  const [zoom, setZoom] = useState(1);
  const [shown, setShown] = useState(1);
  const scroller = useRef<HTMLDivElement>(null);
  const url = contentUrl(details.snapshotId, path);

  useEffect(() => {
    const task = openPdf(url);
    let left = false;
    const open = async (): Promise<void> => {
      const pdf = await task.promise;
      const first = await pdf.getPage(1);
      const { width, height } = first.getViewport({ scale: 1 });
      if (!left) setOpened({ pdf, size: { width, height } });
    };
    open().catch((failure: unknown) => {
      if (!left) setError(failure);
    });
    return () => {
      left = true;
      setOpened(undefined);
      void task.destroy();
    };
  }, [url]);

  if (error !== undefined) {
    return (
      <EmptyState icon={FileX} title="This document cannot be shown">
        {sentenceOf(error)} Download it to open it with another program.
      </EmptyState>
    );
  }
  if (opened === undefined) {
    return (
      <>
        <SlowNotice pending />
        <PreviewSkeleton />
      </>
    );
  }
  const count = opened.pdf.numPages;
  return (
    <PreviewFrame
      bar={
        <span role="status">
          Page {shown} of {count}
        </span>
      }
      tools={
        <>
          <IconButton
            icon={ZoomOut}
            label="Smaller"
            size="small"
            disabled={zoom <= 0.5}
            onClick={() => {
              setZoom(ZOOMS.findLast((one) => one < zoom) ?? zoom);
            }}
          />
          <span>{Math.round(zoom * 100)} %</span>
          <IconButton
            icon={ZoomIn}
            label="Larger"
            size="small"
            disabled={zoom >= 2}
            onClick={() => {
              setZoom(ZOOMS.find((one) => one > zoom) ?? zoom);
            }}
          />
        </>
      }
    >
      <div
        ref={scroller}
        className={styles["scroller"]}
        tabIndex={0}
        role="region"
        aria-label="Pages"
      >
        {Array.from({ length: count }, (_, index) => (
          <PdfPage
            key={index}
            pdf={opened.pdf}
            number={index + 1}
            assumed={opened.size}
            zoom={zoom}
            root={scroller}
            onShown={setShown}
          />
        ))}
      </div>
    </PreviewFrame>
  );
}

function sentenceOf(error: unknown): string {
  if (error instanceof Error && error.name === "PasswordException")
    return "It is protected by a password.";
  if (error instanceof Error && error.name === "InvalidPDFException")
    return "It is damaged, or not a PDF.";
  return messageOf(error);
}
