import type { Server } from 'node:http';
import { createServer } from 'node:http';

/** So long after the pool answered last an agent is not ready: longer than it waits for work. */
const SILENT_MS = 60_000;

/** Whether the agent works for its pool: it has registered, and the pool has answered it lately. */
export class Readiness {
  readonly #nowMs: () => number;
  #answeredAtMs: number | undefined;
  #away: string | undefined = 'has not registered yet';
  running = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** The pool has answered. */
  answered(): void {
    this.#answeredAtMs = this.#nowMs();
    this.#away = undefined;
  }

  /** The pool cannot be reached, or does not know the agent. */
  lost(reason: string): void {
    this.#away = reason;
  }

  /** Undefined: it is ready. */
  get fault(): string | undefined {
    if (this.#away !== undefined || this.#answeredAtMs === undefined) return this.#away;
    const silentMs = this.#nowMs() - this.#answeredAtMs;
    return silentMs > SILENT_MS ? `the pool has not answered for ${Math.round(silentMs / 1_000)} s` : undefined;
  }
}

/**
 * Answers on the loopback interface alone: `/healthz` with 200 as long as the process works, `/readyz` with 200 while the agent is ready, and
 * with 503 and the reason while it is not. Port 0 takes a free one. It keeps no process alive. [P90]
 */
export async function serveReadiness(readiness: Readiness, port: number): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0];
    const { fault, running } = readiness;
    const isReadiness = path === '/readyz';
    const status = request.method !== 'GET' ? 405 : isReadiness ? (fault === undefined ? 200 : 503) : path === '/healthz' ? 200 : 404;
    const body = isReadiness
      ? { status: fault === undefined ? 'ready' : 'unavailable', running, ...(fault === undefined ? {} : { reason: fault }) }
      : {};
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  server.unref();
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : port };
}

/** `SLUICE_AGENT_READY_PORT`; undefined: the agent does not say whether it is ready. */
export function readyPortIn(environment: Readonly<Record<string, string | undefined>>): number | undefined {
  const text = environment['SLUICE_AGENT_READY_PORT'] ?? '';
  if (text === '') return undefined;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new Error(`SLUICE_AGENT_READY_PORT must be a port, or 0 for a free one, not "${text}"`);
}
