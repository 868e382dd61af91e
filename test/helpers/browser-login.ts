/** People who are logged in to a file browser, without a browser. */

/** Headers of requests of somebody who logged in, also those that change something. */
export async function logInTo(
  url: string,
  secret: { readonly password: string } | { readonly ticket: string },
): Promise<{ readonly cookie: string; readonly "x-forge-csrf": string }> {
  const answer = await fetch(`${url}api/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(secret),
  });
  const body = await answer.text();
  if (!answer.ok) throw new Error(`logging in was answered ${answer.status}: ${body}`);
  const cookie = answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  return { cookie, "x-forge-csrf": (JSON.parse(body) as { csrfToken: string }).csrfToken };
}
