/**
 * Folders and selections as one archive. It is prepared by POST, and fetched by GET as often as it
 * takes: a ZIP with exact length, ranges and a strong ETag, a tar as a stream.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ForgeError } from "../../../engine/base/errors.ts";
import {
  CONTENT_SECURITY_HEADERS,
  abortedSignal,
  contentDisposition,
  serveBytes,
  writePart,
} from "../../../webdav/index.ts";
import { tarArchive } from "../../archive/tar.ts";
import { readZip } from "../../archive/zip-read.ts";
import type { DownloadPlan, DownloadRequest } from "../api.ts";
import { objectOf, readJsonBody } from "../api-body.ts";
import { type ApiRoute, getRoute, postRoute } from "../api-route.ts";
import { DownloadPlans, type PlannedDownload, describeTar } from "../download-plans.ts";
import { SELECTION_BODY_BYTES_MAX, decodeSelection } from "../selection.ts";
import { sendJson } from "../send-json.ts";
import type { WebContext } from "../web-context.ts";

export function downloadRoutes({ catalog }: WebContext): readonly ApiRoute[] {
  const plans = new DownloadPlans(catalog);
  return [
    postRoute("/downloads", async (call) => {
      const body = await readJsonBody(call, { bytesMax: SELECTION_BODY_BYTES_MAX });
      const download = await plans.prepare(call.session, decodeRequest(objectOf(body)));
      const signal = abortedSignal(call.response);
      sendJson(call.response, await describe(plans, download, signal));
    }),
    getRoute("/downloads/{id}/{name}", async ({ request, response, param, session }) => {
      const download = await plans.find(session, param("id"));
      if (download.format === "tar") {
        await sendTar(request, response, { download, ended: session.ended });
        return;
      }
      const gone = AbortSignal.any([abortedSignal(response), session.ended]);
      const { plan, etag } = await plans.zipOf(download, gone);
      await serveBytes(request, response, {
        sizeBytes: plan.layout.sizeBytes,
        etag,
        modifiedNs: download.selection.snapshot.timeNs,
        type: "application/zip",
        name: download.fileName,
        download: true,
        read: (range, signal) => readZip(plan, range, AbortSignal.any([signal, session.ended])),
      });
    }),
  ];
}

function decodeRequest(body: Readonly<Record<string, unknown>>): DownloadRequest {
  const { format } = body;
  if (format !== "zip" && format !== "tar") {
    throw new ForgeError("usage", "Cannot prepare the download: the format has to be zip or tar");
  }
  return { ...decodeSelection(body), format };
}

async function describe(
  plans: DownloadPlans,
  download: PlannedDownload,
  signal: AbortSignal,
): Promise<DownloadPlan> {
  const { id, fileName, format } = download;
  const common = { href: `/api/downloads/${id}/${encodeURIComponent(fileName)}`, fileName };
  if (format === "tar") return { ...common, ...(await describeTar(download, signal)) };
  const { plan, skipped } = await plans.zipOf(download, signal);
  const { files, directories, layout } = plan;
  return { ...common, files, directories, sizeBytes: layout.sizeBytes, skipped };
}

/** Its length is not known before, so it ends by the end of the stream, or by a broken connection. */
async function sendTar(
  request: IncomingMessage,
  response: ServerResponse,
  { download, ended }: { readonly download: PlannedDownload; readonly ended: AbortSignal },
): Promise<void> {
  const header = {
    ...CONTENT_SECURITY_HEADERS,
    "Content-Type": "application/x-tar",
    "Content-Disposition": contentDisposition(download.fileName, ""),
    "Cache-Control": "private, no-cache",
    "Accept-Ranges": "none",
  };
  if (request.method === "HEAD") {
    response.writeHead(200, header);
    response.end();
    return;
  }
  const archive = tarArchive(download.folder, {
    path: new Uint8Array(0),
    signal: AbortSignal.any([abortedSignal(response), ended]),
    // It was told when the download was prepared.
    onSkipped: () => undefined,
  });
  for await (const piece of archive) {
    // The header waits for the first bytes: what cannot be read at all gets an honest status.
    if (!response.headersSent) response.writeHead(200, header);
    await writePart(response, piece);
  }
  response.end();
}
