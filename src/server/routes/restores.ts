/** Restores to folders of the server's machine: begun, planned, watched, cancelled. */
import { ForgeError } from "../../../engine/base/errors.ts";
import type { RestoreRequest } from "../api.ts";
import { objectOf, readJsonBody } from "../api-body.ts";
import { type ApiRoute, deleteRoute, getRoute, postRoute } from "../api-route.ts";
import { RestoreJobs } from "../restore-jobs.ts";
import { SELECTION_BODY_BYTES_MAX, decodeSelection } from "../selection.ts";
import { sendJson } from "../send-json.ts";
import type { WebContext } from "../web-context.ts";

export function restoreRoutes(context: WebContext): readonly ApiRoute[] {
  const jobs = new RestoreJobs({ ...context, policy: context.restorePolicy });
  return [
    postRoute("/restores", async (call) => {
      const body = await readJsonBody(call, { bytesMax: SELECTION_BODY_BYTES_MAX });
      sendJson(call.response, await jobs.start(decodeRequest(objectOf(body))), 202);
    }),
    getRoute("/restores", ({ response }) => sendJson(response, jobs.list())),
    getRoute("/restores/{id}", ({ response, param }) => sendJson(response, jobs.get(param("id")))),
    deleteRoute("/restores/{id}", ({ response, param }) =>
      sendJson(response, jobs.cancel(param("id"))),
    ),
  ];
}

function decodeRequest(body: Readonly<Record<string, unknown>>): RestoreRequest {
  const { target, overwrite, dryRun, verify } = body;
  if (target !== undefined && typeof target !== "string") throw bad("target is a path");
  if (overwrite !== "always" && overwrite !== "if-changed" && overwrite !== "never") {
    throw bad('overwrite is "always", "if-changed" or "never"');
  }
  if (typeof dryRun !== "boolean" || typeof verify !== "boolean") {
    throw bad("dryRun and verify are true or false");
  }
  return { ...decodeSelection(body), target, overwrite, dryRun, verify };
}

function bad(what: string): ForgeError {
  return new ForgeError("usage", `Cannot read the request: ${what}`);
}
