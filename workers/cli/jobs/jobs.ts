import type { Command } from 'commander';

import type { JobExplanationReply } from '../../../src/contract/jobs/job-explanation.ts';
import { command, positive, table, whole } from '../command/command.ts';
import { queryOf } from '../gateway/gateway-client.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, named, print, shown } from '../gateway/gateway-command.ts';
import { historyCommands } from './job-history.ts';
import { verbCommands } from './job-verbs.ts';
import type { JobView } from './job-view.ts';
import { deadlineRows, isOver, JOB_HEADINGS, jobPath, rowOf, waitingText } from './job-view.ts';
import { planCommand } from './plan.ts';
import type { Described } from './submit.ts';
import { describing, submit } from './submit.ts';
import { watchJobs } from './watch.ts';

const JOBS_SHOWN = 20;
const PAGE_MAX = 100;

/** `sluice jobs ...` */
export function jobs(): Command {
  const group = command('jobs', 'Submits, follows and controls heavy jobs. The key in use needs the scope jobs.')
    .addCommand(
      shown(command('list', 'Jobs, newest first.'))
        .option('--state <state>', 'those in that state now')
        .option('-n, --limit <n>', 'at most so many', whole(1, PAGE_MAX), JOBS_SHOWN)
        .action(list),
    )
    .addCommand(shown(named('get', 'One job: state, attempts, progress, cost.')).action(get))
    .addCommand(
      shown(describing(command('submit', 'Queues a job; prints its id.')))
        .option('--idempotency-key <key>', 'the same key queues the same job once (default: a new one)')
        .option('--watch', 'and show it until it is over; exit status 1 unless it succeeds')
        .action(submitted),
    )
    .addCommand(planCommand())
    .addCommand(shown(named('explain', 'Why a job waits, and what would start it.')).action(explain))
    .addCommand(
      command('watch', 'A live table of jobs: until those that are named are over, or of the newest until Ctrl-C.')
        .argument('[job...]', 'such as job_...')
        .option('--every <s>', 'seconds between two looks', positive(3_600), 1)
        .action(watch),
    );
  for (const each of [...verbCommands(), ...historyCommands()]) group.addCommand(each);
  return group;
}

async function list({ state, limit, json }: Shown & { readonly state?: string; readonly limit: number }): Promise<void> {
  const page = await (await caller()).call<{ data: JobView[]; has_more: boolean }>('GET', `/v1/jobs${queryOf({ state, limit })}`);
  if (json === true) return print(page.data);
  printJobs(page.data);
  if (page.has_more) console.log(`\nthe newest ${page.data.length}; --limit shows more`);
}

async function get(id: string, { json }: Shown): Promise<void> {
  const client = await caller();
  const job = await client.call<JobView>('GET', jobPath(id));
  if (json === true) return print(job);
  printJobs([job]);
  if (!isOver(job)) {
    const waits = waitingText(await client.call<JobExplanationReply>('GET', jobPath(id, '/explain')));
    if (waits !== undefined) console.log(`\n${waits}; more: sluice jobs explain ${id}`);
  }
  if (job.error !== null) console.log(`\n${job.error.reason}: ${job.error.message}`);
}

async function submitted({
  json,
  watch: isWatched,
  idempotencyKey,
  ...described
}: Described & Shown & { readonly watch?: boolean; readonly idempotencyKey?: string }): Promise<void> {
  const client = await caller();
  const job = await submit(client, described, idempotencyKey);
  if (json === true) print(job);
  else if (isWatched !== true) console.log(job.id);
  // To where no script reads an id.
  if (job.deadline && job.deadline.verdict !== 'met') for (const row of deadlineRows(job.deadline)) console.error(row.join('  '));
  if (isWatched === true && !(await watchJobs(client, [job.id], WATCH_MS))) process.exitCode = 1;
}

async function explain(id: string, { json }: Shown): Promise<void> {
  const { job: _, object: __, ...why } = await (await caller()).call<Record<string, unknown>>('GET', jobPath(id, '/explain'));
  if (json === true) return print(why);
  console.log(
    table(
      ['what', 'value'],
      Object.entries(why).map(([what, value]) => [what.replaceAll('_', ' '), textOf(value)]),
    ),
  );
}

const WATCH_MS = 500;

async function watch(ids: readonly string[], { every }: { readonly every: number }): Promise<void> {
  if (!(await watchJobs(await caller(), ids, every * 1_000))) process.exitCode = 1;
}

function printJobs(data: readonly JobView[]): void {
  const nowS = Date.now() / 1_000;
  console.log(
    data.length === 0
      ? 'no jobs'
      : table(
          JOB_HEADINGS,
          data.map((job) => rowOf(job, nowS)),
        ),
  );
}

const textOf = (value: unknown): string => (value === null || typeof value === 'string' ? (value ?? '-') : JSON.stringify(value));
