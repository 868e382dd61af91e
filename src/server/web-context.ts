/** What the routes of the web API share: one of each, made when the server starts. */
import type { Backend, IndexedRepository, NodeReadSide } from "../../engine/node.ts";
import type { Catalog } from "./catalog.ts";
import type { RestorePolicy } from "./restore-policy.ts";
import type { Sessions } from "./sessions.ts";

export interface WebContext {
  readonly catalog: Catalog;
  readonly repository: IndexedRepository<Backend>;
  /** With its caches; every snapshot is read through it. */
  readonly readSide: NodeReadSide;
  readonly sessions: Sessions;
  readonly restorePolicy: RestorePolicy;
  /** For people. */
  readonly names: {
    readonly program: string;
    readonly repository: string;
    readonly hostname: string;
  };
  /** Told of every failure that a client sees as one of the server. */
  readonly onError: (error: unknown) => void;
  /** Milliseconds of a clock that goes forward. */
  readonly now: () => number;
  /** Fires when the server ends: what goes on beyond one request has to stop. */
  readonly signal: AbortSignal;
  /** Work beyond one request; the server waits for it after `signal` fired. None of it rejects. */
  readonly untilEnd: Set<Promise<unknown>>;
}
