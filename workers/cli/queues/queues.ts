import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { Option } from 'commander';

import { RECLAIM, STOP_POLICIES, WITHIN_QUEUE } from '../../../src/contract/queues/queue-record.ts';
import { command, positive, table, UsageError, whole } from '../command/command.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, print, shown } from '../gateway/gateway-command.ts';
import { LiveTable } from '../command/live-table.ts';
import { cohorts } from './cohorts.ts';
import { allOf } from '../gateway/operator.ts';
import type { QueueOptions } from './queue-settings.ts';
import { quotaOption, settingsOf, timeSliceOption } from './queue-settings.ts';
import { reservations } from './reservations.ts';

/** What the commands show of a queue. */
interface QueueView {
  readonly name: string;
  readonly weight: number;
  readonly pending: number;
  readonly admitted: number;
  readonly stop_policy: string;
  readonly usage: readonly { readonly resource: string; readonly used: number; readonly nominal: number }[];
  readonly share: { readonly now: number; readonly recent: number; readonly fair: number };
}

const HEADINGS = ['queue', 'weight', 'pending', 'running', 'uses', 'share', 'fair', 'starts jobs'];

/** `sluice queues ...`: of the tenant whose key is in use. */
export function queues(): Command {
  return command('queues', 'The queues of your tenant. The key in use needs the scope jobs.')
    .addCommand(shown(command('list', 'All queues, what they use and what they would in fairness.')).action(list))
    .addCommand(shown(named('get', 'One queue.')).action(get))
    .addCommand(shown(described(named('create', 'Creates a queue.'))).action(create))
    .addCommand(shown(described(named('update', 'Changes a queue; what is not named stays.'))).action(update))
    .addCommand(named('delete', 'Deletes a queue without unfinished jobs.').action(remove))
    .addCommand(
      command('watch', 'A live table of the queues, until Ctrl-C.')
        .option('--every <s>', 'seconds between two looks', positive(3_600), 1)
        .action(watch),
    )
    .addCommand(cohorts())
    .addCommand(reservations());
}

const named = (name: string, summary: string): Command => command(name, summary).argument('<queue>', 'its name');

const described = (of: Command): Command =>
  of
    .option('--weight <n>', "of the tenant's queues, one of twice the weight gets twice as much", whole(1, 1_000))
    .addOption(quotaOption())
    .option('--priority <min..max>', 'the priorities that its jobs may have, such as 0..50')
    .addOption(new Option('--within-queue <policy>', 'which of its jobs make room for others of it').choices(WITHIN_QUEUE))
    .addOption(new Option('--reclaim <policy>', 'from which jobs it takes back what they borrowed of its quota').choices(RECLAIM))
    .addOption(new Option('--stop <policy>', 'whether it starts jobs, and asks those that run to leave').choices(STOP_POLICIES))
    .addOption(timeSliceOption());

async function list({ json }: Shown): Promise<void> {
  const all = await everything();
  if (json === true) return print(all);
  console.log(table(HEADINGS, all.map(rowOf)));
}

async function get(name: string, { json }: Shown): Promise<void> {
  show(await (await caller()).call<QueueView>('GET', queuePath(name)), json);
}

async function create(name: string, { json, ...options }: Shown & QueueOptions): Promise<void> {
  show(await (await caller()).call<QueueView>('POST', '/v1/queues', { name, ...settingsOf(options) }), json);
}

async function update(name: string, { json, ...options }: Shown & QueueOptions): Promise<void> {
  show(await (await caller()).call<QueueView>('PATCH', queuePath(name), settingsOf(options)), json);
}

async function remove(name: string): Promise<void> {
  await (await caller()).call('DELETE', queuePath(name));
  console.log(`${name} is deleted`);
}

async function watch({ every }: { readonly every: number }): Promise<void> {
  const live = new LiveTable(process.stdout, HEADINGS, ['share']);
  for (;;) {
    live.show(
      (await everything()).map((queue) => rowOf(queue).map(String)),
      'queues   (Ctrl-C ends this)',
    );
    await sleep(every * 1_000);
  }
}

function show(queue: QueueView, json: boolean | undefined): void {
  if (json === true) return print(queue);
  console.log(table(HEADINGS, [rowOf(queue)]));
}

const percent = (part: number): string => `${(part * 100).toPrecision(2)} %`;

const rowOf = ({ name, weight, pending, admitted, usage, share, stop_policy: stop }: QueueView): readonly (string | number)[] => [
  name,
  weight,
  pending,
  admitted,
  usage
    .filter(({ used, nominal }) => used > 0 || nominal > 0)
    .map(({ resource, used, nominal }) => `${resource} ${used}${nominal === 0 ? '' : ` of ${nominal}`}`)
    .join(', ') || '-',
  percent(share.now),
  percent(share.fair),
  stop === 'none' ? 'yes' : stop.replaceAll('_', ' '),
];

const everything = async (): Promise<readonly QueueView[]> => allOf(await caller(), '/v1/queues', {}, ({ name }) => name);

/** The path of a queue; a mistyped name must not lead to another endpoint. */
function queuePath(name: string): string {
  if (!/^[a-z0-9-]+$/.test(name)) throw new UsageError(`"${name}" is not the name of a queue: lower-case letters, digits and hyphens`);
  return `/v1/queues/${name}`;
}
