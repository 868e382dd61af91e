/** One page of a PDF: room for it at once, its picture when it is near, nothing when it is far. */
import type { PDFDocumentProxy, RenderTask } from "pdfjs-dist";
import { useEffect, useRef, useState } from "react";
import type { ReactNode, RefObject } from "react";

import styles from "./pdf-preview.module.css";

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Points are 1/72 inch, CSS pixels 1/96. */
const CSS_SCALE = 96 / 72;
/** Larger canvases are refused by telephones. */
const CANVAS_PIXELS_MAX = 16 * 1024 * 1024;

export function PdfPage({
  pdf,
  number,
  assumed,
  zoom,
  root,
  onShown,
}: {
  readonly pdf: PDFDocumentProxy;
  readonly number: number;
  readonly assumed: Size;
  readonly zoom: number;
  readonly root: RefObject<HTMLDivElement | null>;
  /** Told when the page is in the middle of the window. */
  readonly onShown: (number: number) => void;
}): ReactNode {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [near, setNear] = useState(false);
  const [failed, setFailed] = useState(false);
  const [size, setSize] = useState(assumed);

  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const nearby = new IntersectionObserver(
      (entries) => {
        setNear(entries.at(-1)?.isIntersecting === true);
      },
      { root: root.current, rootMargin: "800px 0px" },
    );
    // A line through the middle.
    const middle = new IntersectionObserver(
      (entries) => {
        if (entries.at(-1)?.isIntersecting === true) onShown(number);
      },
      { root: root.current, rootMargin: "-50% 0px -50% 0px" },
    );
    nearby.observe(element);
    middle.observe(element);
    return () => {
      nearby.disconnect();
      middle.disconnect();
    };
  }, [root, number, onShown]);

  useEffect(() => {
    if (!near) return;
    let left = false;
    let task: RenderTask | undefined;
    const render = async (): Promise<void> => {
      const page = await pdf.getPage(number);
      const plain = page.getViewport({ scale: 1 });
      const target = canvas.current;
      if (left || target === null) return;
      setSize({ width: plain.width, height: plain.height });
      const wanted = CSS_SCALE * zoom * Math.min(2, devicePixelRatio);
      const most = Math.sqrt(CANVAS_PIXELS_MAX / (plain.width * plain.height));
      const viewport = page.getViewport({ scale: Math.min(wanted, most) });
      target.width = Math.floor(viewport.width);
      target.height = Math.floor(viewport.height);
      task = page.render({ canvas: target, viewport });
      await task.promise;
    };
    render().catch((error: unknown) => {
      const cancelled = error instanceof Error && error.name === "RenderingCancelledException";
      if (!left && !cancelled) setFailed(true);
    });
    return () => {
      left = true;
      task?.cancel();
    };
  }, [near, pdf, number, zoom]);

  return (
    <div
      ref={frame}
      className={styles["page"]}
      style={{
        width: size.width * CSS_SCALE * zoom,
        // On a narrow screen a page is as wide as the screen, and zoomed from there.
        maxWidth: `${100 * zoom}%`,
        aspectRatio: `${size.width} / ${size.height}`,
      }}
    >
      {near && !failed && (
        <canvas
          ref={canvas}
          role="img"
          aria-label={`Page ${number}`}
          className={styles["canvas"]}
        />
      )}
      {failed && <p className={styles["failed"]}>Page {number} cannot be shown.</p>}
    </div>
  );
}
