import { connect } from 'node:net';

export interface LoadResult {
  readonly requests: number;
  readonly failures: number;
  readonly elapsedS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The number of answers by status. */
  readonly statuses: Readonly<Record<number, number>>;
}

/** A request that takes longer counts as lost. */
const ANSWER_MAX_MS = 30_000;

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly requestsMax: number;
  readonly durationS: number;
  /** The whole HTTP/1.1 request of that number. */
  request(number: number): string;
  /** Called for each answer, with its status and its whole text, headers included. */
  readonly onAnswer?: (number: number, status: number, text: string) => void;
}

/**
 * Drives a server over keep-alive connections, with one request in flight on each. It writes plain text to sockets, so that the generator
 * takes as little as possible of the CPU that the server is measured on. Rejects when a connection closes before its answer is complete,
 * or when an answer takes longer than `ANSWER_MAX_MS`.
 */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const statuses: Record<number, number> = {};
  let sent = 0;
  const startedMs = performance.now();
  const deadlineMs = startedMs + options.durationS * 1000;

  const drive = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(options.port, '127.0.0.1');
      let received = Buffer.alloc(0);
      let number = 0;
      let sentAtMs = 0;
      const next = (): void => {
        if (sent >= options.requestsMax || performance.now() > deadlineMs) {
          resolve();
          socket.end();
          return;
        }
        sentAtMs = performance.now();
        number = sent;
        sent += 1;
        socket.write(options.request(number));
      };
      socket.setNoDelay(true);
      socket.setTimeout(ANSWER_MAX_MS, () => socket.destroy(new Error(`no answer to request ${number} within ${ANSWER_MAX_MS} ms`)));
      socket.on('connect', next);
      socket.on('error', reject);
      socket.on('close', () => reject(new Error(`the connection was closed before the answer to request ${number}`)));
      socket.on('data', (chunk) => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        const end = responseEnd(received);
        if (end === undefined) return;
        latenciesMs.push(performance.now() - sentAtMs);
        const status = Number(received.subarray(9, 12).toString());
        statuses[status] = (statuses[status] ?? 0) + 1;
        options.onAnswer?.(number, status, received.subarray(0, end).toString());
        received = received.subarray(end);
        next();
      });
    });

  await Promise.all(Array.from({ length: options.connections }, drive));
  latenciesMs.sort((a, b) => a - b);
  const quantile = (q: number): number => latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(q * latenciesMs.length))] ?? 0;
  return {
    requests: latenciesMs.length,
    failures: latenciesMs.length - (statuses[200] ?? 0),
    statuses,
    elapsedS: (performance.now() - startedMs) / 1000,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}

/** Where the first response ends; undefined while it is incomplete. */
function responseEnd(bytes: Buffer): number | undefined {
  const headerEnd = bytes.indexOf('\r\n\r\n');
  if (headerEnd < 0) return undefined;
  const header = bytes.subarray(0, headerEnd).toString('latin1').toLowerCase();
  const length = /\r\ncontent-length: *(\d+)/.exec(header)?.[1];
  if (length !== undefined) {
    const end = headerEnd + 4 + Number(length);
    return bytes.length >= end ? end : undefined;
  }
  const last = bytes.indexOf('\r\n0\r\n\r\n', headerEnd + 2);
  return last < 0 ? undefined : last + 7;
}

export interface RequestOptions {
  readonly method: string;
  readonly path: string;
  readonly apiKey?: string;
  readonly body?: unknown;
}

export function rawRequest({ method, path, apiKey, body }: RequestOptions): string {
  const payload = body === undefined ? '' : JSON.stringify(body);
  return [
    `${method} ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    ...(apiKey === undefined ? [] : [`authorization: Bearer ${apiKey}`]),
    ...(body === undefined ? [] : ['content-type: application/json', `content-length: ${Buffer.byteLength(payload)}`]),
    '',
    payload,
  ].join('\r\n');
}
