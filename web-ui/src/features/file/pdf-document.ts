/**
 * pdf.js, set up to be inert: no scripts of documents, no forms, no WebAssembly, no fonts or parts from
 * elsewhere. It asks the server for the ranges it needs, so that a large document begins at once.
 */
import { GlobalWorkerOptions, getDocument } from "pdfjs-dist/legacy/build/pdf.mjs";
import type { PDFDocumentLoadingTask } from "pdfjs-dist";
import workerUrl from "pdfjs-dist/legacy/build/pdf.worker.min.mjs?url";

/** Whoever asked destroys the task. */
export function openPdf(url: string): PDFDocumentLoadingTask {
  GlobalWorkerOptions.workerSrc = workerUrl;
  return getDocument({
    url,
    rangeChunkSize: 256 * 1024,
    disableAutoFetch: true,
    disableStream: true,
    enableXfa: false,
    useWasm: false,
    useSystemFonts: true,
    standardFontDataUrl: "/pdf/fonts/",
    cMapUrl: "/pdf/cmaps/",
    cMapPacked: true,
    stopAtErrors: false,
    // 100 million pixels: pictures in documents are decoded whole.
    maxImageSize: 100 * 1024 * 1024,
  });
}
