/** A drive over a ReadonlyFs on a real socket, and raw requests: fetch would tidy their paths. */
import { type IncomingHttpHeaders, type Server, createServer, request } from "node:http";
import { type AddressInfo, connect } from "node:net";
import express from "express";
import type { ReadonlyFs } from "../../engine/read/readonly-fs.ts";
import { createWebdav } from "../../webdav/index.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface TestDrive {
  readonly port: number;
  /** What was reported to the owner. */
  readonly errors: unknown[];
  /** Sends `path` as it is. Rejects when the answer breaks off. */
  ask(path: string, options?: AskOptions): Promise<Answer>;
  close(): Promise<void>;
}

export async function serveDrive(fs: ReadonlyFs, at = "/"): Promise<TestDrive> {
  const errors: unknown[] = [];
  const app = express();
  app.use(at, createWebdav(fs, { onError: (error) => errors.push(error) }));
  const server = createServer(app);
  const port = await listening(server);
  return {
    port,
    errors,
    ask: (path, options) => ask(port, path, options),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

export function ask(port: number, path: string, options: AskOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = "GET", body } = options;
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const headers = { ...length, ...options.headers };
    const sent = request({ host: "127.0.0.1", port, path, method, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const bytes = Buffer.concat(parts);
        const { statusCode: status = 0, headers: found } = response;
        resolve({ status, headers: found, bytes, text: bytes.toString("utf8") });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** The first line of what a server says to bytes that need not be HTTP. */
export function askRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.on("data", (part) => {
      text += part.toString("latin1");
      if (!text.includes("\r\n")) return;
      socket.destroy();
      resolve(text.slice(0, text.indexOf("\r\n")));
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
}

/** The links of a multistatus answer, as they were written. */
export function hrefsOf(xml: string): string[] {
  return [...xml.matchAll(/<D:response><D:href>([^<]*)<\/D:href>/g)].map(([, href = ""]) => href);
}
