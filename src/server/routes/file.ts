/** The content of a file, served as the drive serves it, and never as something that can run. */
import type { IncomingMessage } from "node:http";
import { serveFile } from "../../../webdav/index.ts";
import { ApiFailure } from "../api-failure.ts";
import { type ApiRoute, getRoute } from "../api-route.ts";
import { filePreview, nameOf } from "../file-preview.ts";
import { fileOf, findSnapshotPlace } from "../snapshot-place.ts";
import type { WebContext } from "../web-context.ts";

/** What a page may want content for (Fetch standard, "request destination"); "" is fetch itself. */
const DESTINATIONS = new Set(["", "empty", "document", "image", "audio", "video", "track"]);
const SHOWN = new Set(["image", "audio", "video"]);

export function fileRoutes({ catalog, onError }: WebContext): readonly ApiRoute[] {
  return [
    getRoute("/snapshots/{id}/file/{path...}", async ({ request, response, param, query }) => {
      refuseToRun(request);
      const place = await findSnapshotPlace(catalog, {
        reference: param("id"),
        path: param("path"),
      });
      const file = fileOf(place);
      const { kind, contentType } = await filePreview(file, onError);
      // A PDF is data for a script of ours, never a page: it stays an attachment.
      const download = query.findRaw("inline") === undefined || !SHOWN.has(kind);
      await serveFile(request, response, file, { name: nameOf(file), type: contentType, download });
    }),
  ];
}

/**
 * The app's policy allows scripts of its own origin, and this route is on it. The types already keep
 * content from being one; the browser also says what it wants it for.
 */
function refuseToRun(request: IncomingMessage): void {
  const destination = request.headers["sec-fetch-dest"];
  if (typeof destination !== "string" || DESTINATIONS.has(destination)) return;
  throw new ApiFailure(403, "forbidden", `Cannot serve a file of a backup as ${destination}.`);
}
