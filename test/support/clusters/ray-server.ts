import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { BatchJob } from './batch-system.ts';
import { BatchSystem } from './batch-system.ts';
import { FakeRay } from './fake-ray.ts';

/** As Ray waits between the signal to stop and the one to end. */
const STOP_WAIT_MS = 3_000;

/** The double of Ray's Jobs API over HTTP, which runs what jobs ask for in processes of this machine, as Ray's supervisors do. */
export interface RayServer {
  readonly url: string;
  readonly cluster: BatchSystem;
  /** The authorisations that calls came with. */
  readonly tokens: ReadonlySet<string>;
  close(): void;
}

export async function rayServer(slots: number): Promise<RayServer> {
  const stops = new Set<() => void>();
  const cluster = new BatchSystem(1, slots, (job, exited) => {
    const stop = startEntrypoint(job, exited);
    stops.add(stop);
    return stop;
  });
  const ray = new FakeRay(cluster);
  const tokens = new Set<string>();
  const server = createServer((request, response) => {
    tokens.add(request.headers.authorization ?? '');
    void (async () => {
      const json = await jsonOf(request);
      const { status, body, text } = await ray.call(request.method ?? '', request.url ?? '', json);
      response.writeHead(status).end(text ?? JSON.stringify(body));
    })();
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cluster,
    tokens,
    close: () => {
      for (const stop of stops) stop();
      server.close();
      server.closeAllConnections();
    },
  };
}

async function jsonOf(request: IncomingMessage): Promise<object | undefined> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? undefined : (JSON.parse(text) as object);
}

/** Starts the command of a job in a session of its own; returns what stops it. */
function startEntrypoint({ spec }: BatchJob, exited: (how: 'succeeded' | 'failed') => void): () => void {
  const { entrypoint, runtime_env: environment } = spec as { entrypoint: string; runtime_env: { env_vars: Record<string, string> } };
  const child = spawn('/bin/sh', ['-c', entrypoint], {
    env: { PATH: process.env['PATH'], ...environment.env_vars },
    stdio: 'ignore',
    detached: true,
  });
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  child.once('exit', (code) => exited(code === 0 ? 'succeeded' : 'failed'));
  return () => {
    if (isOver()) return;
    child.kill('SIGTERM');
    setTimeout(() => isOver() || child.kill('SIGKILL'), STOP_WAIT_MS).unref();
  };
}
