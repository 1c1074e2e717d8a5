import { loadavg } from 'node:os';

import { AdminClient } from '../../workers/local/admin-client.ts';
import { bundle } from '../../workers/local/bundle.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';
import type { Script } from '../support/upstreams/script.ts';

interface Drill {
  readonly name: string;
  readonly what: string;
  /** What the first upstream does; `killed`: its process is gone. */
  readonly script: Script | 'killed';
}

const DRILLS: readonly Drill[] = [
  { name: 'healthy', what: 'answers', script: {} },
  { name: 'hanging', what: 'sends no head (300 ms)', script: { hang: 'head' } },
  { name: 'stalling', what: 'sends no first token (300 ms)', script: { hang: 0 } },
  { name: 'failing', what: 'answers 503', script: { status: 503 } },
  { name: 'garbage', what: 'streams garbage', script: { garbage: true } },
  { name: 'limiting', what: 'answers 429, retry-after 60 s', script: { status: 429, headers: { 'retry-after': '60' } } },
  { name: 'dying', what: 'dies after 2 tokens', script: { tokens: 8, dieAfterTokens: 2 } },
  { name: 'killed', what: 'is killed', script: 'killed' },
];
const CONNECTIONS = 8;

/**
 * What callers notice when the first upstream of a model goes bad, and a second one serves it too: streamed chats over HTTP, of which each
 * counts as failed that does not end whole, and the time until its end beside that of the healthy upstream.
 */
export async function failoverBench({ quick = false }: { readonly quick?: boolean | undefined }): Promise<void> {
  await bundle();
  const [first, second] = await Promise.all([startMockUpstream(), startMockUpstream()]);
  const hosts = [first, second].map(({ port }) => `127.0.0.1:${port}`).join(', ');
  const server = await deploy(1, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: hosts });
  try {
    const quota = { requests: { minute: 1_000_000 }, tokens: { minute: 1_000_000_000 } };
    const { client } = await createTenant(server, { scopes: ['inference', 'upstreams:write'], quota });
    const models = DRILLS.map(({ name }) => ({ name, serves: ['chat'], context_tokens: 10_000, output_tokens_max: 100 }));
    const spare = { name: 'spare', protocol: 'openai', base_url: second.baseUrl, models };
    await new AdminClient(client.url, server.secrets.SLUICE_ADMIN_KEY).create('/v1/upstreams', spare);
    for (const model of models)
      await client.post('/v1/upstreams', {
        name: model.name,
        protocol: 'openai',
        base_url: first.baseUrl,
        models: [model],
        timeouts: { connect_ms: 300, first_token_ms: 300, idle_ms: 10_000, total_ms: 60_000 },
      });
    const rows: object[] = [];
    let healthy: Measured | undefined;
    for (const drill of DRILLS) {
      const measured = await measure(drill, quick ? 100 : 1_000, client, first, second);
      healthy ??= measured;
      rows.push(rowOf(drill, measured, healthy));
    }
    console.log(`${CONNECTIONS} connections, load ${loadavg()[0]?.toFixed(1)}`);
    console.table(rows);
  } finally {
    await server.stop();
    await Promise.all([first.kill(), second.kill()]);
  }
}

interface Measured {
  readonly ms: readonly number[];
  readonly failed: number;
  readonly asked: number;
  readonly servedTwice: number;
}

async function measure(
  { name, script }: Drill,
  count: number,
  client: ApiClient,
  first: MockUpstream,
  second: MockUpstream,
): Promise<Measured> {
  await Promise.all([first.reset(), second.reset()]);
  if (script === 'killed') await first.kill();
  else await first.script(script);
  const ms: number[] = [];
  let failed = 0;
  let left = count;
  const body = { model: name, stream: true, messages: [{ role: 'user', content: 'hello' }] };
  const connection = async () => {
    while (left > 0) {
      left -= 1;
      const startedMs = performance.now();
      const answer = await client.post('/v1/chat/completions', body);
      ms.push(performance.now() - startedMs);
      if (answer.status !== 200 || !String(answer.body).includes('[DONE]')) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  const [own, spare] = await Promise.all([script === 'killed' ? undefined : first.truth(), second.truth()]);
  // Each request has one whole answer at most: what both upstreams served, beyond the requests there were.
  const servedTwice = Math.max(0, (own?.outputTokens === 0 ? 0 : (own?.whole ?? 0) + (own?.died ?? 0)) + spare.whole - count);
  return { ms: ms.toSorted((a, b) => a - b), failed, asked: own?.requests ?? 0, servedTwice };
}

function rowOf({ what }: Drill, { ms, failed, asked, servedTwice }: Measured, healthy: Measured): object {
  const at = (sorted: readonly number[], share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return {
    'the first upstream': what,
    requests: ms.length,
    failed,
    'served twice': servedTwice,
    'asked of the first': asked,
    'p50 ms': at(ms, 0.5).toFixed(1),
    'p99 ms': at(ms, 0.99).toFixed(1),
    'added p50 ms': (at(ms, 0.5) - at(healthy.ms, 0.5)).toFixed(1),
    'added p99 ms': (at(ms, 0.99) - at(healthy.ms, 0.99)).toFixed(1),
  };
}
