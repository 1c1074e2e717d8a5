import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import type { ReplicaService } from './replica-service.ts';
import { replicaFailure, sendAnswer } from './replica-service.ts';

/**
 * A replica of online inference, for those that show its key: what its service does, and `GET /healthz`, which says whether that works. The key is
 * of this server alone: the gateway learns it by the heartbeats of the attempt. [P81]
 */
export class ReplicaServer {
  readonly url: string;
  readonly key: string;
  /** Of the requests of those that show its key; its own probes are none. */
  readonly load: LoadMeter;
  readonly #server: Server;

  private constructor(url: string, key: string, load: LoadMeter, server: Server) {
    this.url = url;
    this.key = key;
    this.load = load;
    this.#server = server;
  }

  /** Serves on a free port. `host`: where others reach this machine; one that names the machine for itself alone is served there alone. */
  static async start(host: string, service: ReplicaService): Promise<ReplicaServer> {
    const key = randomBytes(32).toString('base64url');
    const load = new LoadMeter(() => performance.now());
    const server = createServer((request, response) => {
      // One that is to leave takes no more, on connections that are kept alive either: the gateway asks another.
      if (!server.listening) {
        sendAnswer(response, replicaFailure(503, 'no_healthy_replica', 'this replica is leaving'));
        return;
      }
      if (request.method === 'POST' && isKey(request.headers, key)) {
        load.begin();
        response.once('close', () => load.end());
      }
      answerTo(request, response, { key, service }).catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else sendAnswer(response, replicaFailure(500, 'internal_error', String(error)));
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      if (LOOPBACK.has(host)) server.listen(0, host, resolve);
      else server.listen(0, resolve);
    });
    const { port } = server.address() as AddressInfo;
    return new ReplicaServer(`http://${host.includes(':') ? `[${host}]` : host}:${port}`, key, load, server);
  }

  /** Whether it answers, as its callers see it. */
  async isHealthy(): Promise<boolean> {
    try {
      const headers = { authorization: `Bearer ${this.key}` };
      const response = await fetch(`${this.url}/healthz`, { headers, signal: AbortSignal.timeout(POOL_LIMITS.replicaProbeTimeoutMs) });
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }

  /** Takes no more requests, and gives up those under way that are not answered within `graceMs`. [P82] */
  async drain(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const untilMs = performance.now() + graceMs;
    while (this.load.underWay > 0 && performance.now() < untilMs) await sleep(POOL_LIMITS.replicaDrainPollMs);
    this.#server.closeAllConnections();
    await closed;
  }
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '::1']);

interface Served {
  readonly key: string;
  readonly service: ReplicaService;
}

async function answerTo(request: IncomingMessage, response: ServerResponse, { key, service }: Served): Promise<void> {
  if (!isKey(request.headers, key)) {
    sendAnswer(response, replicaFailure(401, 'invalid_api_key', 'show the key of this replica'));
    return;
  }
  if (request.method !== 'GET' || request.url !== '/healthz') return service.serve(request, response);
  const fault = await service.fault();
  sendAnswer(response, fault === undefined ? { status: 200, body: '{}' } : replicaFailure(503, 'no_healthy_replica', fault));
}

/** By either of the headers in which servers of models take keys. */
function isKey({ authorization, 'x-api-key': bare }: IncomingHttpHeaders, key: string): boolean {
  const [shown, wanted] = [Buffer.from(authorization ?? `Bearer ${String(bare)}`), Buffer.from(`Bearer ${key}`)];
  return shown.length === wanted.length && timingSafeEqual(shown, wanted);
}

/**
 * How many requests a replica has under way, on average over time: what comes and goes between two looks counts for as long as it took. [P82]
 */
export class LoadMeter {
  readonly #nowMs: () => number;
  #underWay = 0;
  /** Of the requests under way over time, since `#fromMs`. */
  #requestMs = 0;
  #fromMs: number;
  #countedMs: number;
  #lastMilli = 0;

  /** `nowMs`: monotonic milliseconds. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#fromMs = this.#countedMs = nowMs();
  }

  get underWay(): number {
    return this.#underWay;
  }

  begin(): void {
    this.#count();
    this.#underWay += 1;
  }

  end(): void {
    this.#count();
    this.#underWay -= 1;
  }

  /** Since the last call that was answered anew; in tenths of requests, so that noise is no news. */
  outstandingMilli(): number {
    this.#count();
    const overMs = this.#countedMs - this.#fromMs;
    if (overMs < POOL_LIMITS.replicaLoadWindowMs) return this.#lastMilli;
    this.#lastMilli = Math.round((this.#requestMs / overMs) * 10) * 100;
    this.#requestMs = 0;
    this.#fromMs = this.#countedMs;
    return this.#lastMilli;
  }

  #count(): void {
    const nowMs = this.#nowMs();
    this.#requestMs += this.#underWay * (nowMs - this.#countedMs);
    this.#countedMs = nowMs;
  }
}
