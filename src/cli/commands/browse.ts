/** `forge browse`: the snapshots in a web browser, until Ctrl-C. */
import { hostname } from "node:os";
import { countBuffersWithHeap, messageOf } from "../../../engine/node.ts";
import { Catalog } from "../../server/catalog.ts";
import { type Listener, listen } from "../../server/listen.ts";
import { createRestorePolicy } from "../../server/restore-policy.ts";
import { Sessions } from "../../server/sessions.ts";
import { builtUiFolder, loadStaticUi } from "../../server/static-ui.ts";
import type { WebContext } from "../../server/web-context.ts";
import { createWebServer } from "../../server/web-server.ts";
import { versionText } from "../../version.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import {
  LISTEN_OPTIONS,
  type ServerPlan,
  listenOption,
  planServer,
  serveUntilEnd,
} from "../listen-options.ts";
import { type BrowserDoor, hasScreen, openInBrowser, writeBrowserDoor } from "../open-browser.ts";
import { negated, texts } from "../option-kinds.ts";
import { chooseRepository, nameOf, settingsOf } from "../repository-choice.ts";
import { localPathOf, withSession } from "../session.ts";
import { FILTER_OPTIONS, snapshotFilter } from "../snapshot-choice.ts";

const ADDRESS = "127.0.0.1:8485";

export const browse: Command = defineCommand({
  description:
    "Show the snapshots in a web browser: look at files, find them and their versions, take them " +
    "back. It opens your browser, logged in; elsewhere log in with the password from --password-file " +
    "or FORGE_HTTP_PASSWORD, otherwise one is made and printed. It serves until Ctrl-C or SIGTERM.",
  arguments: {},
  options: {
    listen: listenOption(ADDRESS),
    ...LISTEN_OPTIONS,
    restoreTo: texts(
      "--restore-to <folder>",
      "restore only below this folder of this machine (repeatable); needed when others may connect",
    ),
    open: negated("--no-open", "do not open a browser"),
    ...FILTER_OPTIONS,
  },
  examples: [
    "forge browse",
    "forge browse --listen 0.0.0.0:8485 --tls-cert cert.pem --tls-key key.pem --restore-to /srv/restored",
  ],
  async run(context, values): Promise<ExitCode> {
    countBuffersWithHeap();
    const { output, signal } = context;
    const settings = await settingsOf(context);
    const repository = chooseRepository(context, settings);
    // What was typed wrongly is said before the passphrase is asked for.
    const plan = await planServer(context, values, ADDRESS);
    const restorePolicy = await createRestorePolicy({
      roots: values.restoreTo,
      isLoopback: plan.listen.isLoopback,
      repository: localPathOf(repository),
    });
    const ui = await loadStaticUi(builtUiFolder());
    const now = (): number => performance.now();
    return withSession(
      context,
      repository,
      async (session) => {
        const filter = snapshotFilter(values);
        const sources = { repository: session.repository, readSide: session.readSide };
        const web: WebContext = {
          ...sources,
          catalog: new Catalog({
            ...sources,
            filter,
            now,
            onListed: (snapshots) => session.trust.observe(session.repository, snapshots),
          }),
          sessions: new Sessions({ password: plan.password, now }),
          restorePolicy,
          names: {
            program: `forge ${versionText()}`,
            repository: nameOf(repository),
            hostname: hostname(),
          },
          onError: (error) => output.warn(`A request failed: ${messageOf(error)}`),
          now,
          signal,
          untilEnd: new Set(),
        };
        const listener = await listen(plan.listen, createWebServer(web, { hosts: plan.hosts, ui }));
        await announce(context, listener, { plan, repository: web.names.repository });
        const wantsBrowser =
          values.open && !output.json && hasScreen(context.environment.variables);
        const door = wantsBrowser ? openDoor(context, listener, web.sessions) : undefined;
        try {
          session.readSide.warmUp();
          await serveUntilEnd(context, listener);
          await Promise.all(web.untilEnd);
        } finally {
          door?.remove();
        }
        return EXIT.done;
      },
      { cacheBytes: values.cacheSize ?? settings.mount.cacheBytes, withoutSnapshots: true },
    );
  },
});

/** Opens the browser by a link that works once and is gone then. */
function openDoor({ output }: CommandContext, { url }: Listener, sessions: Sessions): BrowserDoor {
  const { ticket, used } = sessions.issueTicket();
  const door = writeBrowserDoor(`${url}#login=${ticket}`);
  used.addEventListener("abort", () => door.remove(), { once: true });
  openInBrowser(door.file, () => output.note("No browser could be opened; open the address above"));
  return door;
}

/** Says where it serves and how to get in. */
async function announce(
  { output }: CommandContext,
  { url }: Listener,
  { plan, repository }: { readonly plan: ServerPlan; readonly repository: string },
): Promise<void> {
  const { generated } = plan;
  if (output.json) {
    const password = generated === undefined ? {} : { password: generated };
    await output.jsonLine({ type: "serving", url, repository, ...password });
    return;
  }
  await output.summary(`Showing the snapshots of ${repository} at ${url}; end with Ctrl-C`);
  // Also with -q: nobody could get in without it.
  if (generated !== undefined) await output.line(`Password: ${generated}`);
  else await output.summary("Log in with the password you set");
}
