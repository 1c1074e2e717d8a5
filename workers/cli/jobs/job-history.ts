import type { Command } from 'commander';

import { table, whole } from '../command/command.ts';
import { queryOf } from '../gateway/gateway-client.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, named, print, shown } from '../gateway/gateway-command.ts';
import type { JobEventView } from './job-event-lines.ts';
import { eventsOf, lineOf } from './job-event-lines.ts';
import { jobPath, spanOf } from './job-view.ts';

const ANY = whole(0, Number.MAX_SAFE_INTEGER);

/** What has become of a job. */
export const historyCommands = (): readonly Command[] => [
  shown(named('attempts', 'The attempts at a job, oldest first, and why each ended.')).action(attempts),
  shown(named('cost', 'What a job has cost, segment by segment.')).action(cost),
  named('logs', 'What the attempts of a job have written.')
    .option('-f, --follow', 'and what they write, until the job is over')
    .option('--attempt <fence>', 'of this attempt alone (default: the newest, and with --follow those after it)', ANY)
    .option('--rank <n>', 'of this process of a gang', ANY, 0)
    .option('--offset <bytes>', 'from this byte on', ANY, 0)
    .action(logs),
  named('events', 'What has happened to a job.')
    .option('-f, --follow', 'and what happens, until the job is over')
    .option('--after <id>', 'after this event', ANY, 0)
    .option('--json', 'print each event as a line of JSON')
    .action(events),
];

interface AttemptView {
  readonly fence: number;
  readonly pool: string;
  readonly started_at: number;
  readonly ended_at: number | null;
  readonly outcome: string;
  readonly exit_code: number | null;
  readonly stopped_for: string | null;
}

async function attempts(id: string, { json }: Shown): Promise<void> {
  const { data } = await (await caller()).call<{ data: AttemptView[] }>('GET', jobPath(id, '/attempts'));
  if (json === true) return print(data);
  const nowS = Date.now() / 1_000;
  const rows = data.map((each) => [
    each.fence,
    each.pool,
    each.exit_code === null ? each.outcome : `${each.outcome} (exit code ${each.exit_code})`,
    each.stopped_for ?? '-',
    spanOf(each.started_at, each.ended_at ?? nowS),
  ]);
  console.log(data.length === 0 ? 'no attempts' : table(['attempt', 'pool', 'outcome', 'stopped for', 'ran'], rows));
}

interface CostView {
  readonly segments: readonly {
    readonly attempt: number;
    readonly pool: string;
    readonly nodes: number;
    readonly accelerator: string | null;
    readonly ms: number;
    readonly usd_per_hour: string;
    readonly amount_usd: string;
  }[];
  readonly earlier_usd: string;
  readonly job_tokens: number;
  readonly job_tokens_usd: string;
  readonly total_usd: string;
}

async function cost(id: string, { json }: Shown): Promise<void> {
  const found = await (await caller()).call<CostView>('GET', jobPath(id, '/cost'));
  if (json === true) return print(found);
  const rows: (string | number)[][] = found.segments.map((each) => [
    `attempt ${each.attempt} on ${each.pool}`,
    each.nodes,
    each.accelerator ?? '-',
    `${(each.ms / 1_000).toFixed(3)} s`,
    each.usd_per_hour,
    each.amount_usd,
  ]);
  if (Number(found.earlier_usd) > 0) rows.unshift(['earlier', '', '', '', '', found.earlier_usd]);
  if (found.job_tokens > 0) rows.push([`${found.job_tokens} tokens`, '', '', '', '', found.job_tokens_usd]);
  rows.push(['total', '', '', '', '', found.total_usd]);
  console.log(table(['what', 'nodes', 'accelerator', 'time', 'USD an hour', 'USD'], rows));
}

interface LogFlags {
  readonly follow?: boolean;
  readonly attempt?: number;
  readonly rank: number;
  readonly offset: number;
}

async function logs(id: string, { follow, ...which }: LogFlags): Promise<void> {
  const query = queryOf({ ...which, follow: follow === true ? 'true' : undefined });
  const { body } = await (await caller()).stream(jobPath(id, `/logs${query}`));
  for await (const bytes of body ?? []) process.stdout.write(bytes);
}

async function events(id: string, flags: Shown & { readonly follow?: boolean; readonly after: number }): Promise<void> {
  const show = (event: JobEventView): void => console.log(flags.json === true ? JSON.stringify(event) : lineOf(event));
  for await (const event of eventsOf(await caller(), id, { after: flags.after, isFollowed: flags.follow === true })) show(event);
}
