/** Logging in and out, and who one is. */
import { ForgeError } from "../../../engine/base/errors.ts";
import type { SessionInfo } from "../api.ts";
import { objectOf, readJsonBody } from "../api-body.ts";
import { type ApiCall, type ApiRoute, deleteRoute } from "../api-route.ts";
import { sendJson, sendNothing } from "../send-json.ts";
import type { WebSession } from "../sessions.ts";
import type { WebContext } from "../web-context.ts";

/** A password of 1 KiB, escaped. */
const LOGIN_BYTES_MAX = 8 * 1024;

export function sessionRoutes(context: WebContext): readonly ApiRoute[] {
  return [
    {
      method: "GET",
      path: "/session",
      access: "everybody",
      handle: ({ request, response }) =>
        sendJson(response, sessionInfo(context, context.sessions.find(request))),
    },
    {
      method: "POST",
      path: "/session",
      access: "everybody",
      handle: async (call) => {
        sendJson(call.response, sessionInfo(context, await logIn(context, call)));
      },
    },
    deleteRoute("/session", (call) => {
      context.sessions.logOut(call);
      sendNothing(call.response);
    }),
  ];
}

async function logIn({ sessions }: WebContext, call: ApiCall): Promise<WebSession> {
  const body = objectOf(await readJsonBody(call, { bytesMax: LOGIN_BYTES_MAX }));
  const { ticket, password } = body;
  if (typeof ticket === "string") return sessions.logInByTicket(call, ticket);
  if (typeof password === "string") return sessions.logInByPassword(call, password);
  throw new ForgeError("usage", "Cannot log in: a password is needed");
}

function sessionInfo(context: WebContext, session: WebSession | undefined): SessionInfo {
  const { names, restorePolicy } = context;
  const { program } = names;
  if (session === undefined) return { authenticated: false, program };
  return {
    authenticated: true,
    program,
    csrfToken: session.csrfToken,
    repository: names.repository,
    restore: { allowed: restorePolicy.allowed, roots: restorePolicy.roots },
    hostname: names.hostname,
  };
}
