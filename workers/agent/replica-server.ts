import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { LIMITS } from '../../src/contract/limits.ts';
import type { LineAnswerer } from './answer-line.ts';
import { LoadMeter } from './load-meter.ts';

interface Answer {
  readonly status: number;
  /** JSON. */
  readonly body: string;
}

/**
 * What a replica of online inference serves: `POST /v1/embeddings`, as OpenAI has it, for those that show its key, and `GET /healthz`, which
 * embeds a word. The key is of this server alone: the gateway learns it by the heartbeats of the attempt. [P81]
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

  /** Serves a model on a free port. `host`: where others reach this machine; one that names the machine for itself alone is served there alone. */
  static async start(host: string, model: string, answerer: Pick<LineAnswerer, 'answer'>): Promise<ReplicaServer> {
    const key = randomBytes(32).toString('base64url');
    const load = new LoadMeter(() => performance.now());
    const server = createServer((request, response) => {
      // One that is to leave takes no more, on connections that are kept alive either: the gateway asks another.
      if (!server.listening) {
        send(response, failure(503, 'no_healthy_replica', 'this replica is leaving'));
        return;
      }
      if (request.method === 'POST' && isKey(request.headers.authorization, key)) {
        load.begin();
        response.once('close', () => load.end());
      }
      answerTo(request, { key, model, answerer }).then(
        (answer) => send(response, answer),
        (error: unknown) => send(response, failure(500, 'internal_error', String(error))),
      );
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
      const response = await fetch(`${this.url}/healthz`, { headers, signal: AbortSignal.timeout(LIMITS.replicaProbeTimeoutMs) });
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
    while (this.load.underWay > 0 && performance.now() < untilMs) await sleep(LIMITS.replicaDrainPollMs);
    this.#server.closeAllConnections();
    await closed;
  }
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '::1']);

interface Served {
  readonly key: string;
  readonly model: string;
  readonly answerer: Pick<LineAnswerer, 'answer'>;
}

async function answerTo(request: IncomingMessage, served: Served): Promise<Answer> {
  if (!isKey(request.headers.authorization, served.key)) return failure(401, 'invalid_api_key', 'show the key of this replica');
  if (request.method === 'GET' && request.url === '/healthz')
    return embed(JSON.stringify({ model: served.model, input: 'health' }), served);
  if (request.method !== 'POST' || request.url !== '/v1/embeddings') return failure(404, 'route_not_found', 'there is only /v1/embeddings');
  const body = await readBody(request);
  return body === undefined ? failure(413, 'payload_too_large', 'the request is too large') : embed(body, served);
}

function isKey(authorization: string | undefined, key: string): boolean {
  const [shown, wanted] = [Buffer.from(authorization ?? ''), Buffer.from(`Bearer ${key}`)];
  return shown.length === wanted.length && timingSafeEqual(shown, wanted);
}

/** Undefined where it has more bytes than a line of a batch may. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LIMITS.jobLineBytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Answers as a line of a batch is answered. */
async function embed(body: string, { answerer }: Served): Promise<Answer> {
  const line = `{"custom_id":"","method":"POST","url":"/v1/embeddings","body":${body}}`;
  const [answer] = await answerer.answer([line], 'replica', 0, 'replica');
  const { response } = JSON.parse(answer?.json ?? '{}') as { response?: { status_code: number; body: unknown } };
  if (response === undefined) return failure(500, 'internal_error', 'the model did not answer');
  return { status: response.status_code, body: JSON.stringify(response.body) };
}

const failure = (status: number, code: string, message: string): Answer => ({
  status,
  body: JSON.stringify({ error: { message, type: status < 500 ? 'invalid_request_error' : 'server_error', param: null, code } }),
});

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body);
}
