/**
 * RestoreJobs: restores that go on while people look elsewhere, and what became of them. They are the
 * server's, not a session's: whoever logs in sees them.
 */
import { randomBytes } from "node:crypto";
import { ForgeError, type IndexedRepository, isForgeError } from "../../engine/node.ts";
import { runRestore } from "../run-restore.ts";
import type { RestoreJob, RestoreRequest } from "./api.ts";
import { ApiFailure, apiErrorOf, apiStatusOf } from "./api-failure.ts";
import type { Catalog } from "./catalog.ts";
import { type RestoreStep, planSteps, shownItems } from "./restore-plan.ts";
import { type RestorePolicy, isWithin } from "./restore-policy.ts";
import { RestoreTally } from "./restore-tally.ts";
import { openSelection } from "./selection.ts";

export interface RestoreJobsOptions {
  readonly repository: IndexedRepository;
  readonly catalog: Catalog;
  readonly policy: RestorePolicy;
  /** Told of failures that are the server's. */
  readonly onError: (error: unknown) => void;
  /** Fires when the server ends. */
  readonly signal: AbortSignal;
  /** What the server waits for when it ends: what was begun is cleared away. */
  readonly untilEnd: Set<Promise<unknown>>;
}

/** Done ones that are kept to look at; of plans fewer, which nobody looks at twice. */
const JOBS_MAX = 100;
const PLANS_MAX = 20;
const RUNNING_MAX = 8;
const ITEMS_SHOWN = 10;

interface Job {
  readonly how: Pick<RestoreRequest, "overwrite" | "dryRun" | "verify">;
  readonly fixed: Pick<
    RestoreJob,
    "id" | "dryRun" | "startedMs" | "snapshotId" | "items" | "itemCount" | "target"
  >;
  /** None any more once it has ended: they hold folders of the snapshot. */
  steps: readonly RestoreStep[];
  readonly tally: RestoreTally;
  readonly stop: AbortController;
  state: RestoreJob["state"];
  endedMs: number | undefined;
  error: RestoreJob["error"];
}

export class RestoreJobs {
  readonly #options: RestoreJobsOptions;
  /** The oldest first. */
  readonly #jobs = new Map<string, Job>();

  constructor(options: RestoreJobsOptions) {
    this.#options = options;
  }

  /**
   * Begins; the answer does not wait for the end.
   * @throws ForgeError of the selection and the policy; ApiFailure 409 while another one writes there.
   */
  async start(request: RestoreRequest): Promise<RestoreJob> {
    const { catalog, policy, untilEnd } = this.#options;
    const selection = await openSelection(catalog, request);
    const nowMs = Date.now();
    const nowNs = BigInt(nowMs) * 1_000_000n;
    const steps = await planSteps(selection, request.target, { policy, nowNs });
    // From here on nothing waits until the job is in the list, so two cannot pass side by side.
    this.#refuseBusy(request, steps);
    const [first] = steps;
    const job: Job = {
      how: { overwrite: request.overwrite, dryRun: request.dryRun, verify: request.verify },
      fixed: {
        id: randomBytes(9).toString("base64url"),
        dryRun: request.dryRun,
        startedMs: nowMs,
        snapshotId: selection.snapshot.id,
        items: shownItems(selection, ITEMS_SHOWN),
        itemCount: selection.items.length,
        target: request.target === undefined ? undefined : first?.directory,
      },
      steps,
      tally: new RestoreTally(),
      stop: new AbortController(),
      state: "running",
      endedMs: undefined,
      error: undefined,
    };
    this.#jobs.set(job.fixed.id, job);
    this.#forgetOld(request.dryRun);
    const running = this.#run(job);
    untilEnd.add(running);
    void running.then(() => untilEnd.delete(running));
    return jsonOf(job);
  }

  /** The newest first. Plans are asked for by their id alone. */
  list(): RestoreJob[] {
    const jobs = [...this.#jobs.values()].filter(({ how }) => !how.dryRun);
    // The paths of all of them would be megabytes.
    return jobs.reverse().map((job) => withoutPaths(jsonOf(job)));
  }

  /** @throws ForgeError "not-found". */
  get(id: string): RestoreJob {
    return jsonOf(this.#find(id));
  }

  /** Stops it, if it runs; what was restored until then stays. @throws ForgeError "not-found". */
  cancel(id: string): RestoreJob {
    const job = this.#find(id);
    job.stop.abort();
    return jsonOf(job);
  }

  async #run(job: Job): Promise<void> {
    const { repository, signal, onError } = this.#options;
    const { overwrite, dryRun, verify } = job.how;
    const stopped = AbortSignal.any([job.stop.signal, signal]);
    try {
      for (const [i, { root, directory, select }] of job.steps.entries()) {
        const { report } = await runRestore(repository, {
          root,
          directory,
          select,
          overwrite,
          dryRun,
          verify,
          signal: stopped,
          ...job.tally.events(directory, { isLast: i === job.steps.length - 1 }),
        });
        job.tally.finished(report);
      }
      job.state = "done";
    } catch (error) {
      if (stopped.aborted || isForgeError(error, "aborted")) job.state = "cancelled";
      else {
        if (apiStatusOf(error) >= 500) onError(error);
        job.state = "failed";
        job.error = apiErrorOf(error);
      }
    }
    job.steps = [];
    job.endedMs = Date.now();
  }

  /** Two that write to one place would undo each other's work, and neither would tell the truth. */
  #refuseBusy(request: RestoreRequest, steps: readonly RestoreStep[]): void {
    const running = [...this.#jobs.values()].filter(({ state }) => state === "running");
    if (running.length >= RUNNING_MAX) {
      throw new ApiFailure(
        409,
        "locked",
        "Cannot begin: too many restores are running; wait for one to end, or cancel it.",
      );
    }
    if (request.dryRun) return;
    const wanted = placesOf(steps);
    for (const other of running) {
      if (other.how.dryRun) continue;
      const taken = placesOf(other.steps);
      const clash = wanted.find((a) => taken.some((b) => isWithin(a, b) || isWithin(b, a)));
      if (clash === undefined) continue;
      throw new ApiFailure(
        409,
        "locked",
        `Cannot restore to ${clash}: another restore is writing there; wait for it to end, or cancel it.`,
      );
    }
  }

  #forgetOld(dryRun: boolean): void {
    const done = [...this.#jobs].filter(
      ([, { how, state }]) => how.dryRun === dryRun && state !== "running",
    );
    const max = dryRun ? PLANS_MAX : JOBS_MAX;
    for (const [id] of done.slice(0, Math.max(0, done.length - max))) this.#jobs.delete(id);
  }

  #find(id: string): Job {
    const job = this.#jobs.get(id);
    if (job !== undefined) return job;
    throw new ForgeError(
      "not-found",
      "Cannot find this restore: the server was started again since, or it is too long ago",
    );
  }
}

function placesOf(steps: readonly RestoreStep[]): string[] {
  return steps.flatMap(({ places }) => places);
}

function jsonOf({ fixed, state, endedMs, error, tally }: Job): RestoreJob {
  const result = state === "running" ? undefined : tally.result();
  return { ...fixed, state, endedMs, error, progress: tally.counts(), result };
}

function withoutPaths(job: RestoreJob): RestoreJob {
  const { result } = job;
  if (result === undefined) return job;
  const { created, replaced, kept } = result;
  return {
    ...job,
    result: {
      ...result,
      created: { count: created.count, paths: [] },
      replaced: { count: replaced.count, paths: [] },
      kept: { count: kept.count, paths: [] },
      problems: [],
    },
  };
}
