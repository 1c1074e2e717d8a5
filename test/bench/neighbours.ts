import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setTimeout as waited } from 'node:timers/promises';

import { must } from '../../src/kernel/assert.ts';
import { AdminClient } from '../../workers/local/admin-client.ts';
import { bundle } from '../../workers/local/bundle.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { answeringUpstream } from './neighbours/answering-upstream.ts';
import type { DearCall } from './neighbours/dear-calls.ts';
import { guardedCalls, otherCalls } from './neighbours/dear-calls.ts';
import { encoderCalls } from './neighbours/encoder-calls.ts';

const SCOPES = ['inference', 'files', 'models:write', 'upstreams:write', 'prompts:read', 'prompts:write', 'index:read', 'index:write'];
const QUOTA = { requests: { minute: 1_000_000 }, tokens: { minute: 1_000_000_000 } };
/** Of the neighbour, between an answer and the next call. */
const PAUSE_MS = 10;

/**
 * What a tenant waits for beside the dearest calls of another one: chats under a guardrail of its own, one after the other, alone and while the other
 * tenant makes calls of one kind, in one workerd, whose Workers and objects share a thread.
 */
export async function neighboursBench({
  quick = false,
  only,
}: {
  readonly quick?: boolean | undefined;
  /** `encoders`: beside calls of these alone. */
  readonly only?: string | undefined;
}): Promise<void> {
  await bundle();
  const upstream = await answeringUpstream();
  const server = await deploy(1, { LOG_LEVEL: 'error', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port}` });
  try {
    const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
    const terms = { serves: ['chat'], context_tokens: 100_000_000, output_tokens_max: 1_000 };
    const models = [
      { ...terms, name: 'm' },
      { ...terms, name: 'quiet' },
    ];
    await admin.create('/v1/upstreams', { name: 'lab', protocol: 'openai', base_url: `http://127.0.0.1:${upstream.port}/v1`, models });
    const [busy, quiet] = [await tenant(server), await tenant(server)];
    const route = await routeWith(quiet, 'own', [{ kind: 'patterns', name: 'w', patterns: ['secret'], action: 'block' }], {}, 'quiet');
    const parts = { client: busy, upstream, routeWith, rows: quick ? 2_000 : 20_000 };
    const others = only === 'encoders' ? [] : [...(await guardedCalls(parts)), ...(await otherCalls(parts))];
    const dear = [...others, ...(await encoderCalls(busy))];
    const neighbour = { call: async () => (await ask(quiet, route)).status, cpuMs: () => threadMs(must(server.workerdPid(), 'it runs')) };
    for (let warm = 0; warm < 50; warm += 1) await neighbour.call();
    const rows = [{ beside: 'nothing', ...shown(await waitsOf(neighbour, waited(quick ? 1_000 : 3_000))) }];
    for (const one of dear) rows.push(await besideOf(one, neighbour, quick ? 1_500 : 5_000));
    console.log(`load ${loadavg()[0]?.toFixed(1)}`);
    console.table(rows);
  } finally {
    await server.stop();
    upstream.stop();
  }
}

async function tenant(server: Parameters<typeof createTenant>[0]): Promise<ApiClient> {
  return (await createTenant(server, { scopes: SCOPES, quota: QUOTA })).client;
}

const ask = (client: ApiClient, model: string) =>
  client.post('/v1/chat/completions', { model, messages: [{ role: 'user', content: 'hello' }] });

async function routeWith(client: ApiClient, name: string, guardrails: readonly object[], more: object = {}, model = 'm'): Promise<string> {
  const choice = { kind: 'targets', groups: [[{ target: `lab/${model}` }]] };
  const made = await client.post('/v1/routes', { name, guardrails, default: choice, ...more });
  if (made.status !== 200) throw new Error(`${name}: ${JSON.stringify(made.body)}`);
  // The gateway's copy is at most a second old.
  while ((await ask(client, name)).body.error?.code === 'model_not_found') await waited(100);
  return name;
}

interface Neighbour {
  readonly call: () => Promise<number>;
  /** What the server's thread has computed until now. */
  readonly cpuMs: () => number;
}

/** Of the thread that runs all of a workerd: schedstat counts nanoseconds. */
const threadMs = (pid: number): number => Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ', 1)[0]) / 1e6;

async function besideOf({ kind, prepare, call }: DearCall, neighbour: Neighbour, leastMs: number) {
  await prepare?.();
  const answers = new Set<string>();
  let tookMs = 0;
  const calls = async () => {
    const untilMs = performance.now() + leastMs;
    while (performance.now() < untilMs) {
      const beganMs = performance.now();
      const { status, body } = await call();
      tookMs = Math.max(tookMs, performance.now() - beganMs);
      const isCutOff = String(body).includes('guardrail_blocked');
      answers.add(status !== 200 ? String(body.error?.message).slice(0, 60) : isCutOff ? 'cut off' : 'answered');
    }
  };
  const waits = await waitsOf(neighbour, calls());
  return { beside: kind, ...shown(waits), 'the other: ms': Math.round(tookMs), answer: [...answers].join(', ') };
}

/** Of one call: how long it took, and what the server's thread computed meanwhile, which no other load makes longer. */
interface Wait {
  readonly ms: number;
  readonly cpuMs: number;
}

/** Calls, one after the other, while something goes on. */
async function waitsOf({ call, cpuMs }: Neighbour, meanwhile: Promise<unknown>): Promise<Wait[]> {
  const waits: Wait[] = [];
  const state = { isOver: false };
  const over = meanwhile.finally(() => {
    state.isOver = true;
  });
  while (!state.isOver) {
    const [beganMs, beganCpuMs] = [performance.now(), cpuMs()];
    const status = await call();
    if (status !== 200) throw new Error(`the neighbour is answered, not ${status}`);
    waits.push({ ms: performance.now() - beganMs, cpuMs: cpuMs() - beganCpuMs });
    await waited(PAUSE_MS);
  }
  await over;
  return waits;
}

function shown(waits: readonly Wait[]) {
  const at = (what: keyof Wait, share: number) => {
    const sorted = waits.map((wait) => wait[what]).toSorted((a, b) => a - b);
    return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
  };
  const cpu = { 'CPU p50': at('cpuMs', 0.5), 'CPU p99': at('cpuMs', 0.99), 'CPU max': at('cpuMs', 1) };
  return { calls: waits.length, 'p50 ms': at('ms', 0.5), 'p99 ms': at('ms', 0.99), 'max ms': at('ms', 1), ...cpu };
}
