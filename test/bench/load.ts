import { connect } from 'node:net';

export interface LoadResult {
  readonly requests: number;
  readonly failures: number;
  readonly elapsedS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

/** A request that takes longer counts as lost. */
const ANSWER_MAX_MS = 30_000;

/** A protocol in which each request has one answer, in order. */
export interface Protocol {
  /** Where the first answer ends; undefined while it is incomplete. */
  endOf(bytes: Buffer): number | undefined;
  isFine(answer: Buffer): boolean;
  /** What each connection sends before its requests, each when the one before is answered. */
  readonly opening?: readonly Buffer[];
}

export interface Wire extends Protocol {
  readonly port: number;
}

export interface LoadOptions extends Wire {
  readonly connections: number;
  readonly requestsMax: number;
  readonly durationS: number;
  /** Requests begun in a second at most, over all connections; absent: each as soon as its connection is free. */
  readonly perS?: number;
  /** The whole request of that number. */
  request(number: number): string | Buffer;
  /** Called for each whole answer, in HTTP with its headers. */
  readonly onAnswer?: (number: number, answer: Buffer, tookMs: number) => void;
  /** When it resolves, connections are closed, whatever they wait for; absent: they wait for their last answers. */
  readonly cutOff?: Promise<unknown>;
  /** How long a connection pauses after an answer, in milliseconds; absent: it sends its next request at once. */
  readonly pauseMs?: (answer: Buffer) => number;
}

/** HTTP/1.1 over connections that are kept. */
export const HTTP: Protocol = { endOf: endOfResponse, isFine: (answer) => statusOf(answer) === 200 };

export function statusOf(answer: Buffer): number {
  return Number(answer.toString('latin1', 9, 12));
}

/**
 * Drives a server over connections that are kept, with one request in flight on each. It writes requests to sockets as they are, so that the
 * generator takes as little as possible of the CPU that the server is measured on. Rejects when a connection closes before its answer is
 * complete, or when an answer takes longer than `ANSWER_MAX_MS`.
 */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  let failures = 0;
  let sent = 0;
  const startedMs = performance.now();
  const deadlineMs = startedMs + options.durationS * 1000;

  const cuts: (() => void)[] = [];
  const drive = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(options.port, '127.0.0.1');
      const opening = [...(options.opening ?? [])];
      let received = Buffer.alloc(0);
      let number = -1;
      let sentAtMs = 0;
      const next = (): void => {
        const first = opening.shift();
        if (first !== undefined) {
          socket.write(first);
          return;
        }
        if (sent >= options.requestsMax || performance.now() > deadlineMs) {
          resolve();
          socket.end();
          return;
        }
        number = sent;
        sent += 1;
        const waitMs = startedMs + (number * 1_000) / (options.perS ?? Infinity) - performance.now();
        if (waitMs > 0) setTimeout(write, waitMs);
        else write();
      };
      const write = (): void => {
        sentAtMs = performance.now();
        socket.write(options.request(number));
      };
      const take = (answer: Buffer): void => {
        const isFine = options.isFine(answer);
        if (number < 0) {
          if (!isFine) reject(new Error(`the server refuses the connection: ${answer.toString('latin1')}`));
          return;
        }
        const tookMs = performance.now() - sentAtMs;
        latenciesMs.push(tookMs);
        if (!isFine) failures += 1;
        options.onAnswer?.(number, answer, tookMs);
      };
      cuts.push(() => {
        resolve();
        socket.destroy();
      });
      socket.setNoDelay(true);
      socket.setTimeout(ANSWER_MAX_MS, () => socket.destroy(new Error(`no answer to request ${number} within ${ANSWER_MAX_MS} ms`)));
      socket.on('connect', next);
      socket.on('error', reject);
      socket.on('close', () => reject(new Error(`the connection was closed before the answer to request ${number}`)));
      socket.on('data', (chunk) => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        const end = options.endOf(received);
        if (end === undefined) return;
        const answer = received.subarray(0, end);
        take(answer);
        received = received.subarray(end);
        const pauseMs = options.pauseMs?.(answer) ?? 0;
        if (pauseMs > 0) setTimeout(next, pauseMs);
        else next();
      });
    });

  const driven = Array.from({ length: options.connections }, drive);
  void options.cutOff?.then(() => cuts.forEach((cut) => cut()));
  await Promise.all(driven);
  latenciesMs.sort((a, b) => a - b);
  const quantile = (q: number): number => latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(q * latenciesMs.length))] ?? 0;
  return {
    requests: latenciesMs.length,
    failures,
    elapsedS: (performance.now() - startedMs) / 1000,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    worstMs: quantile(1),
  };
}

/** Where the first response ends; undefined while it is incomplete. */
function endOfResponse(bytes: Buffer): number | undefined {
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
