/** The server of `forge webdav`: what a request passes before it reaches the snapshots. */
import express, { type Express } from "express";
import type { ReadonlyFs } from "../../engine/node.ts";
import { createWebdav } from "../../webdav/index.ts";
import type { Gate } from "./auth.ts";
import { type HostRules, admitsHost } from "./host-check.ts";

export interface WebdavServerOptions {
  readonly gate: Gate;
  readonly hosts: HostRules;
  readonly onError: (error: unknown) => void;
}

export function createWebdavServer(fs: ReadonlyFs, options: WebdavServerOptions): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("query parser", false);
  app.use((request, response, next) => {
    if (admitsHost(request, response, options.hosts) && options.gate.admits(request, response)) {
      next();
    }
  });
  app.use(createWebdav(fs, { onError: options.onError }));
  return app;
}
