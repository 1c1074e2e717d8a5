import type { Command } from 'commander';

import { LIMITS } from '../../../src/contract/limits.ts';
import { command, positive, table, whole } from '../command.ts';
import { currentProfile, GatewayClient, queryOf } from '../gateway/gateway-client.ts';
import type { JobView } from './job-view.ts';
import { JOB_HEADINGS, jobPath, rowOf } from './job-view.ts';
import type { Described } from './submit.ts';
import { describing, priorityOf, submit } from './submit.ts';
import { watchJobs } from './watch.ts';

interface Shown {
  readonly json?: boolean;
}

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
    .addCommand(shown(named('explain', 'Why a job waits, and what would start it.')).action(explain))
    .addCommand(
      shown(named('reprioritise', 'Gives a job another priority.'))
        .argument('<priority>', 'low, normal, high, or a number')
        .action((id: string, priority: string, flags: Shown) => act(id, 'reprioritise', flags, { priority: priorityOf(priority) })),
    )
    .addCommand(
      shown(named('resize', 'Lets a job have so many nodes, within the range it was submitted with.'))
        .argument('<nodes>', 'how many', whole(1, LIMITS.jobNodesMaxCount))
        .action((id: string, nodes: number, flags: Shown) => act(id, 'resize', flags, { nodes })),
    )
    .addCommand(
      command('watch', 'A live table of jobs: until those that are named are over, or of the newest until Ctrl-C.')
        .argument('[job...]', 'such as job_...')
        .option('--every <s>', 'seconds between two looks', positive(3_600), 1)
        .action(watch),
    );
  for (const [verb, summary] of Object.entries(VERBS)) {
    group.addCommand(shown(named(verb, summary)).action((id: string, flags: Shown) => act(id, verb, flags)));
  }
  return group;
}

/** What can be done to a job without saying more, each an endpoint of its name. */
const VERBS = {
  cancel: 'Ends a job: at once while it waits, else once its agent has stopped.',
  suspend: 'Lets a job wait until it is resumed; a running one is asked to save and stop first.',
  resume: 'Lets a suspended job go on. It has kept its place in the queue.',
  preempt: 'Takes the nodes of a running job, after its grace, and queues it again.',
} as const;

const shown = (of: Command): Command => of.option('--json', 'print the answer as JSON');

const named = (name: string, summary: string): Command => command(name, summary).argument('<job>', 'such as job_...');

async function caller(): Promise<GatewayClient> {
  const profile = await currentProfile();
  return new GatewayClient(profile, profile.apiKey);
}

async function list({ state, limit, json }: Shown & { readonly state?: string; readonly limit: number }): Promise<void> {
  const page = await (await caller()).call<{ data: JobView[]; has_more: boolean }>('GET', `/v1/jobs${queryOf({ state, limit })}`);
  if (json === true) return print(page.data);
  printJobs(page.data);
  if (page.has_more) console.log(`\nthe newest ${page.data.length}; --limit shows more`);
}

async function get(id: string, { json }: Shown): Promise<void> {
  const job = await (await caller()).call<JobView>('GET', jobPath(id));
  if (json === true) return print(job);
  printJobs([job]);
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

async function act(id: string, verb: string, { json }: Shown, body?: object): Promise<void> {
  const job = await (await caller()).call<JobView>('POST', jobPath(id, `/${verb}`), body);
  if (json === true) print(job);
  else console.log(`${job.id} is ${job.state}`);
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

const print = (value: unknown): void => console.log(JSON.stringify(value, null, 2));

const textOf = (value: unknown): string => (value === null || typeof value === 'string' ? (value ?? '-') : JSON.stringify(value));
