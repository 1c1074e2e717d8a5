import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { Option } from 'commander';

import { REUSE_NAMES } from '../../../src/contract/routes/answer-reuse.ts';
import type { RequestRecordReply, RequestReply, RequestStatsReply } from '../../../src/contract/requests/requests.ts';
import { command, Failure, secondsOf, table, whole } from '../command/command.ts';
import { queryOf } from '../gateway/gateway-client.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, print, shown } from '../gateway/gateway-command.ts';

interface Page {
  readonly data: readonly RequestReply[];
  readonly next: number | null;
}

interface Filter {
  readonly key?: string;
  readonly route?: string;
  readonly model?: string;
  readonly target?: string;
  readonly status?: number;
  readonly from?: number;
  readonly to?: number;
  readonly costMin?: string;
  readonly costMax?: string;
  readonly cache?: string;
  readonly reuse?: string;
}

/** The filter in the names of the API. */
export const asked = ({ key, route, model, target, status, from, to, costMin, costMax, cache, reuse }: Filter) => ({
  key,
  route,
  model,
  target,
  status,
  from,
  to,
  cost_min_usd: costMin,
  cost_max_usd: costMax,
  cache,
  reuse,
});

const HEADINGS = ['time (UTC)', 'request', 'surface', 'model', 'status', 'in', 'out', 'USD', 'ms', 'cache', 'reuse'];

/** How often `tail` asks for new requests. */
const TAIL_MS = 1_000;

/** `sluice requests ...`. */
export const requests = (): Command =>
  command('requests', 'Requests to upstreams: what they were, did and cost.')
    .addCommand(
      shown(filtered(command('list', 'The newest requests.')))
        .option('--limit <n>', 'at most so many', whole(1, 1_000), 20)
        .action(list),
    )
    .addCommand(
      shown(command('show', 'One request with its attempts, feedback and kept bodies.').argument('<request>', 'its x-request-id')).action(
        show,
      ),
    )
    .addCommand(filtered(command('tail', 'Requests as they come, until Ctrl-C.')).action(tail))
    .addCommand(
      shown(command('stats', 'Numbers of the last 24 hours.'))
        .addOption(new Option('--by <what>', 'what to group by').choices(['model', 'route', 'target']).default('model'))
        .option('--from <time>', 'such as 2026-11-01', secondsOf)
        .action(stats),
    )
    .addCommand(
      filtered(command('export', 'Writes requests to a file, one line of JSON each.').argument('<file>', 'the file to write')).action(
        exported,
      ),
    );

const filtered = (of: Command): Command =>
  of
    .option('--key <key>', 'by this key')
    .option('--route <route>', 'by a route, such as support or support@3')
    .option('--model <model>', 'that named this model')
    .option('--target <target>', 'served by this upstream, or this model of it')
    .option('--status <status>', 'such as 429; 4 for all from 400 to 499', whole(1, 599))
    .option('--from <time>', 'from then on, such as 2026-11-01T12:00Z', secondsOf)
    .option('--to <time>', 'before then', secondsOf)
    .option('--cost-min <usd>', 'that cost so much or more, such as 0.01')
    .option('--cost-max <usd>', 'that cost so much or less')
    .addOption(new Option('--cache <how>', 'by what the cache of answers did').choices(['hit', 'miss', 'bypass']))
    .addOption(new Option('--reuse <how>', 'by how the answer was reused').choices(REUSE_NAMES));

async function list({ json, limit, ...filter }: Shown & Filter & { readonly limit: number }): Promise<void> {
  const client = await caller();
  const all: RequestReply[] = [];
  // A page may be empty where few requests match.
  for (let after: number | null | undefined; after !== null && all.length < limit;) {
    const page: Page = await client.call('GET', `/v1/requests${queryOf({ ...asked(filter), limit: limit - all.length, after })}`);
    all.push(...page.data);
    after = page.next;
  }
  if (json === true) return print(all);
  console.log(table(HEADINGS, all.map(rowOf)));
}

async function show(id: string, { json }: Shown): Promise<void> {
  const record = await (await caller()).call<RequestRecordReply>('GET', `/v1/requests/${encodeURIComponent(id)}`);
  if (json === true) return print(record);
  console.log(table(HEADINGS, [rowOf(record)]));
  if (record.code !== null) console.log(`\nerror: ${record.code}`);
  const attempts = record.attempts.map(({ upstream, model, status, fault, ms }) => [
    `${upstream}/${model}`,
    status ?? fault ?? '-',
    Math.round(ms),
  ]);
  if (attempts.length > 0) console.log(`\n${table(['attempt', 'ended', 'ms'], attempts)}`);
  for (const { name, score, comment } of record.feedback) console.log(`\n${name}: ${score}${comment === null ? '' : ` (${comment})`}`);
  if (record.bodies !== null) console.log(`\nrequest\n${record.bodies.request}\n\nanswer\n${record.bodies.answer}`);
}

async function tail(filter: Filter): Promise<void> {
  const client = await caller();
  const seen = new Set<string>();
  let from = filter.from ?? Math.floor(Date.now() / 1000);
  for (;;) {
    const { data } = await client.call<Page>('GET', `/v1/requests${queryOf({ ...asked(filter), from, limit: 1_000 })}`);
    const fresh = data.filter(({ id }) => !seen.has(id)).reverse();
    for (const request of fresh) {
      seen.add(request.id);
      console.log(rowOf(request).join('  '));
    }
    // Isolates deliver entries within a second or two: older ones have been shown.
    const oldest = Math.floor(Date.now() / 1000) - 10;
    if (oldest > from) {
      from = oldest;
      for (const { id, created_at: atS } of data) if (atS < oldest) seen.delete(id);
    }
    await sleep(TAIL_MS);
  }
}

async function stats({ json, by, from }: Shown & { readonly by: string; readonly from?: number }): Promise<void> {
  const { data } = await (await caller()).call<{ data: readonly RequestStatsReply[] }>('GET', `/v1/requests/stats${queryOf({ by, from })}`);
  if (json === true) return print(data);
  const rows = data.map((line) => [
    line.group ?? '-',
    line.requests,
    line.errors,
    line.cache_hits,
    line.input_tokens,
    line.output_tokens,
    line.cost_usd,
    line.total_ms?.p50 ?? '-',
    line.total_ms?.p95 ?? '-',
    line.total_ms?.p99 ?? '-',
    line.first_token_ms?.p50 ?? '-',
  ]);
  console.log(table([by, 'requests', 'errors', 'cached', 'in', 'out', 'USD', 'p50 ms', 'p95', 'p99', 'first p50'], rows));
}

async function exported(path: string, filter: Filter): Promise<void> {
  const client = await caller();
  const file = await client.call<{ id: string; bytes: number }>('POST', '/v1/requests/export', asked(filter));
  const { body } = await client.stream(`/v1/files/${file.id}/content`);
  await writeFile(path, body ?? '').catch((error: unknown) => {
    throw new Failure(`cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`);
  });
  console.log(`${path}: ${file.bytes} bytes, also stored as ${file.id}`);
}

const rowOf = (request: RequestReply): readonly (string | number)[] => [
  new Date(request.created_at * 1000).toISOString().slice(0, 19),
  request.id,
  request.surface,
  request.target ?? request.model,
  request.status,
  request.input_tokens,
  request.output_tokens,
  request.cost_usd,
  Math.round(request.total_ms),
  request.cache,
  request.reuse,
];
