import type { Command } from 'commander';

import type { JobExplanationReply } from '../../../src/contract/jobs/job-explanation.ts';
import { command, table } from '../command/command.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, print, shown } from '../gateway/gateway-command.ts';
import { deadlineRows } from './job-view.ts';
import type { Described } from './submit.ts';
import { bodyOf, describing } from './submit.ts';

interface PlanView {
  readonly outcome: 'starts' | 'waits';
  readonly placement: {
    readonly option: number;
    readonly pool: string;
    readonly nodes: number;
    readonly start_at: number | null;
    readonly usd_per_hour: string;
    readonly max_cost_usd: string | null;
  } | null;
  readonly evicts: { readonly jobs: readonly string[]; readonly others: number };
  readonly waiting: Waiting | null;
  readonly deadline: JobExplanationReply['deadline'];
}

type Waiting = Pick<JobExplanationReply, 'reason' | 'starts_between'> & {
  readonly remedies: readonly { readonly steps: readonly { readonly kind: string }[] }[];
};

/** `sluice jobs plan ...`: takes what `submit` takes, and queues nothing. */
export const planCommand = (): Command =>
  shown(describing(command('plan', 'What would become of a job: where, when, at what cost. Queues nothing.'))).action(plan);

async function plan({ json, ...described }: Described & Shown): Promise<void> {
  const client = await caller();
  const planned = await client.call<PlanView>('POST', '/v1/jobs:plan', await bodyOf(client, described));
  if (json === true) return print(planned);
  console.log(table(['what', 'value'], rowsOf(planned)));
}

function rowsOf({ outcome, placement, evicts, waiting, deadline }: PlanView): readonly (readonly string[])[] {
  const { jobs, others } = evicts;
  return [
    ['outcome', outcome],
    ...(waiting === null
      ? []
      : [
          ['because', waiting.reason],
          ...startRows(waiting.starts_between),
          ['would help', waiting.remedies.map(({ steps }) => steps.map(({ kind }) => kind).join(' and ')).join(', ') || '-'],
        ]),
    ...(placement === null ? [] : placeRows(placement)),
    ...(deadline === null ? [] : deadlineRows(deadline)),
    ...(jobs.length + others === 0 ? [] : [['makes room', [...jobs, ...(others === 0 ? [] : [`${others} of other tenants`])].join(', ')]]),
  ];
}

const startRows = (starts: Waiting['starts_between']): readonly (readonly string[])[] =>
  starts === null || starts.earliest === null || starts.latest === null
    ? []
    : [['starts between', [starts.earliest, starts.latest].map((atS) => new Date(atS * 1_000).toISOString()).join(' and ')]];

const placeRows = ({ pool, nodes, option, start_at, ...cost }: NonNullable<PlanView['placement']>): readonly (readonly string[])[] => [
  ['pool', pool],
  ['nodes', String(nodes)],
  ['by resources', String(option)],
  ['starts', start_at === null ? '-' : new Date(start_at * 1_000).toISOString()],
  ['USD an hour', cost.usd_per_hour],
  ['USD at most', cost.max_cost_usd ?? '-'],
];
