import type { Command } from 'commander';
import { Option } from 'commander';

import type { SetSloBody, SloReply } from '../../../src/contract/planning/slos.ts';
import { command, positive, table, UsageError, whole } from '../command/command.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, print, shown } from '../gateway/gateway-command.ts';

interface Settings extends Shown {
  readonly objective: number;
  readonly window: number;
  readonly route?: string;
  readonly model?: string;
  readonly target?: string;
  readonly endpoint?: string;
  readonly below?: number;
  readonly recall?: string;
  readonly fresh?: string;
  readonly waiting: number;
  readonly queue?: string | true;
  readonly owner?: string;
}

const HEADINGS = ['objective', 'owner', 'of', 'target', 'attained', 'events', 'budget spent', 'status'];

/** `sluice slos ...`. */
export const slos = (): Command =>
  command('slos', 'Service level objectives: what is to be good, how good it was, and how fast its error budget burns.')
    .addCommand(shown(command('list', 'All objectives of the tenant.')).action(list))
    .addCommand(shown(named('show', 'One objective, with its burn rates.')).action(show))
    .addCommand(
      shown(
        settings(
          named('set', 'Creates or replaces an objective. Name one of --endpoint, --route, --model, --target, --recall, --fresh, --queue.'),
        ),
      ).action(set),
    )
    .addCommand(named('delete', 'Deletes an objective and what was observed of it.').action(remove));

const named = (name: string, summary: string): Command => command(name, summary).argument('<objective>', 'its name');

const settings = (of: Command): Command =>
  of
    .addOption(
      new Option('--objective <share>', 'the share that is to be good, such as 0.999').argParser(positive(1)).makeOptionMandatory(),
    )
    .option('--window <days>', 'over so many days', whole(1, 90), 30)
    .option('--endpoint <call>', 'calls of the API, such as "POST /v1/embeddings"; with --below their latency, else their availability')
    .option('--route <route>', 'calls of upstreams by a route; with --below their latency, else their availability')
    .option('--model <model>', 'the same, of calls that name a model')
    .option('--target <target>', 'the same, of what upstream/model serves')
    .option('--below <ms>', 'answered in less; of a queue: started in less', whole(1, 3_600_000))
    .option('--recall <index>', 'neighbours that searches of an index find')
    .option('--fresh <index>', 'minutes in which few vectors of an index waited for background work')
    .option('--waiting <n>', 'of --fresh: at most so many', whole(0, 1_000_000_000), 10_000)
    .option('--queue [queue]', 'jobs that start within --below; without a name those of all queues')
    .option('--owner <team>', 'the team that answers for it');

async function list({ json }: Shown): Promise<void> {
  const { data } = await (await caller()).call<{ readonly data: readonly SloReply[] }>('GET', '/v1/slos');
  if (json === true) return print(data);
  console.log(table(HEADINGS, data.map(rowOf)));
}

async function show(name: string, { json }: Shown): Promise<void> {
  write(await (await caller()).call<SloReply>('GET', pathOf(name)), json);
}

async function set(name: string, { json, objective, window, owner, ...of }: Settings): Promise<void> {
  const body = { indicator: indicatorOf(of), objective, window_days: window, ...(owner === undefined ? {} : { owner }) };
  write(await (await caller()).call<SloReply>('PUT', pathOf(name), body), json);
}

async function remove(name: string): Promise<void> {
  await (await caller()).call('DELETE', pathOf(name));
  console.log(`deleted ${name}`);
}

function indicatorOf({
  route,
  model,
  target,
  endpoint,
  below,
  recall,
  fresh,
  waiting,
  queue,
}: Omit<Settings, 'objective' | 'window'>): SetSloBody['indicator'] {
  const calls = [
    ['route', route],
    ['model', model],
    ['target', target],
    ['endpoint', endpoint],
  ] as const;
  const given = [...calls, ['recall', recall], ['fresh', fresh], ['queue', queue]].filter(([, of]) => of !== undefined);
  if (given.length > 1)
    throw new UsageError(`Give one of ${given.map(([option]) => `--${String(option)}`).join(', ')}: an objective is of one thing.`);
  for (const [by, of] of calls) {
    if (of === undefined) continue;
    return below === undefined ? { kind: 'availability', by, name: of } : { kind: 'latency', by, name: of, below_ms: below };
  }
  if (recall !== undefined) return { kind: 'recall', index: recall };
  if (fresh !== undefined) return { kind: 'freshness', index: fresh, waiting_max: waiting };
  if (queue === undefined)
    throw new UsageError('name what the objective is of: --endpoint, --route, --model, --target, --recall, --fresh or --queue');
  if (below === undefined) throw new UsageError('--queue takes --below: the milliseconds within which jobs are to start');
  return { kind: 'queue_wait', queue: queue === true ? null : queue, below_s: below / 1000 };
}

function write(slo: SloReply, json: boolean | undefined): void {
  if (json === true) return print(slo);
  console.log(table(HEADINGS, [rowOf(slo)]));
  const rows = slo.burn.map(({ policy, threshold, long_s: long, long_rate: longRate, short_s: short, short_rate: shortRate, firing }) => [
    policy,
    threshold.toFixed(1),
    `${longRate.toFixed(2)} in ${spanText(long)}`,
    `${shortRate.toFixed(2)} in ${spanText(short)}`,
    firing ? 'fires' : '',
  ]);
  console.log(`\n${table(['policy', 'fires from', 'burn rate', 'and', ''], rows)}`);
}

const rowOf = (slo: SloReply): (string | number)[] => [
  slo.name,
  slo.owner,
  indicatorText(slo.indicator as SetSloBody['indicator']),
  `${percent(slo.objective)} in ${slo.window_days} d`,
  slo.attained === null ? '-' : percent(slo.attained),
  slo.events,
  percent(slo.budget_spent),
  slo.status,
];

function indicatorText(of: SetSloBody['indicator']): string {
  if (of.kind === 'availability') return `${of.by} ${of.name} answered`;
  if (of.kind === 'latency') return `${of.by} ${of.name} within ${of.below_ms} ms`;
  if (of.kind === 'recall') return `index ${of.index} finds neighbours`;
  if (of.kind === 'freshness') return `index ${of.index} has at most ${of.waiting_max} waiting`;
  return `${of.queue === null ? 'all queues' : `queue ${of.queue}`} start jobs within ${of.below_s} s`;
}

const spanText = (s: number): string => (s < 3600 ? `${s / 60} min` : s < 86_400 ? `${s / 3600} h` : `${s / 86_400} d`);

const percent = (share: number): string => `${Number((100 * share).toFixed(3))} %`;

const pathOf = (name: string): string => `/v1/slos/${encodeURIComponent(name)}`;
