/** The beginning of a file as text, for looking at it. */
import { abortedSignal } from "../../../webdav/index.ts";
import type { TextPreview } from "../api.ts";
import { type ApiRoute, getRoute } from "../api-route.ts";
import { sendJson } from "../send-json.ts";
import { fileOf, findSnapshotPlace } from "../snapshot-place.ts";
import { decodeText } from "../text-decode.ts";
import type { WebContext } from "../web-context.ts";

/** More is not looked at but searched in: the file is there for saving. */
const SHOWN_BYTES_MAX = 1024 * 1024;

export function textRoutes({ catalog }: WebContext): readonly ApiRoute[] {
  return [
    getRoute("/snapshots/{id}/text/{path...}", async ({ response, param, query }) => {
      const place = await findSnapshotPlace(catalog, {
        reference: param("id"),
        path: param("path"),
      });
      const file = fileOf(place);
      const { sizeBytes } = file.attributes;
      const limits = { min: 1, max: SHOWN_BYTES_MAX, fallback: SHOWN_BYTES_MAX };
      const length = Math.min(sizeBytes, query.number("limit", limits));
      const bytes = await file.read({ offset: 0, length, signal: abortedSignal(response) });
      const { text, encoding, binary, usedBytes } = decodeText(bytes, length === sizeBytes);
      const preview: TextPreview = { text, encoding, binary, sizeBytes, shownBytes: usedBytes };
      sendJson(response, preview);
    }),
  ];
}
