import { openAsBlob } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';

import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import { UsageError, whole } from '../command/command.ts';
import type { GatewayClient } from '../gateway/gateway-client.ts';
import type { JobView } from './job-view.ts';

/** What `submit` and `plan` take to describe a job. */
export interface Described {
  readonly spec?: string;
  readonly kind?: string;
  readonly model?: string;
  readonly input?: string;
  readonly priority?: string;
  readonly queue?: string;
  readonly name?: string;
  readonly deadline?: string;
  readonly work?: number;
}

export const describing = (of: Command): Command =>
  of
    .option('--spec <file>', 'the request as JSON, as POST /v1/jobs takes it; - reads it from standard input. Options below override it')
    .option('--kind <kind>', 'what the job does (default: batch_embedding)')
    .option('--model <name>', 'the model that it runs')
    .option('--input <file>', 'a file of lines to upload as its input')
    .option('--priority <p>', 'low, normal, high, or a number')
    .option('--queue <name>', 'the queue that it waits in')
    .option('--name <name>', 'what you call it')
    .option('--deadline <time>', 'when it has to be done: a date and time, or seconds from now as in +600')
    .option('--work <s>', 'how much work it is: seconds of a node of throughput 1', whole(1, JOB_LIMITS.jobWorkMaxS));

/** The body of the request, once its input is uploaded. */
export async function bodyOf(client: GatewayClient, described: Described): Promise<Record<string, unknown>> {
  const { kind, model, priority, queue, name, deadline, work } = described;
  const spec = described.spec === undefined ? { kind: 'batch_embedding' } : await readSpec(described.spec);
  const given = {
    kind,
    model,
    priority: priority === undefined ? undefined : priorityOf(priority),
    queue,
    name,
    deadline_at: deadline && deadlineOf(deadline),
    work_s: work,
  };
  const overrides = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const input = described.input === undefined ? {} : { input_file: await upload(client, described.input) };
  return { ...spec, ...overrides, ...input };
}

/** Queues a job, once however often the connection has to be tried. */
export const submit = async (client: GatewayClient, described: Described, idempotencyKey: string = randomUUID()): Promise<JobView> =>
  client.call<JobView>('POST', '/v1/jobs', await bodyOf(client, described), { 'idempotency-key': idempotencyKey });

async function readSpec(path: string): Promise<Record<string, unknown>> {
  const json = await (path === '-' ? text(process.stdin) : readFile(path, 'utf8')).catch((error: Error) => {
    throw new UsageError(`--spec: ${error.message}`);
  });
  try {
    const spec: unknown = JSON.parse(json);
    if (typeof spec === 'object' && spec !== null && !Array.isArray(spec)) return spec as Record<string, unknown>;
  } catch {
    // Reported below, like any other text that is not an object.
  }
  throw new UsageError(`--spec: ${path} is not a JSON object`);
}

async function upload(client: GatewayClient, path: string): Promise<string> {
  // `openAsBlob` throws where there is no file, and opens folders.
  const found = await stat(path).catch((error: Error) => {
    throw new UsageError(`--input: ${error.message}`);
  });
  if (!found.isFile()) throw new UsageError(`--input: ${path} is not a file`);
  const file = await openAsBlob(path);
  return (await client.upload<{ id: string }>('/v1/files', { purpose: 'batch' }, file, basename(path))).id;
}

/** Seconds since the epoch. */
function deadlineOf(text: string): number {
  const fromNow = /^\+(\d+)$/.exec(text)?.[1];
  const atMs = fromNow === undefined ? Date.parse(text) : Date.now() + Number(fromNow) * 1_000;
  if (!Number.isFinite(atMs)) throw new UsageError(`--deadline: "${text}" is neither a date and time nor seconds from now such as +600`);
  return Math.ceil(atMs / 1_000);
}

/** A priority as the API takes it: a name, or a number. */
export const priorityOf = (value: string): string | number => (/^\d+$/.test(value) ? Number(value) : value);
