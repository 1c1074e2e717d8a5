import type { Command } from 'commander';

import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import { whole } from '../command/command.ts';
import { queryOf } from '../gateway/gateway-client.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, named, print, shown } from '../gateway/gateway-command.ts';
import type { JobView } from './job-view.ts';
import { jobPath } from './job-view.ts';
import { priorityOf } from './submit.ts';

/** What can be done to a job: each command is an endpoint of its name. */
export const verbCommands = (): readonly Command[] => [
  shown(named('cancel', 'Ends a job: at once while it waits, else once its agent has stopped.')).action((id: string, flags: Shown) =>
    act(id, 'cancel', flags),
  ),
  shown(named('suspend', 'Lets a job wait until it is resumed; a running one saves and stops first.')).action((id: string, flags: Shown) =>
    act(id, 'suspend', flags),
  ),
  shown(named('resume', 'Lets a suspended job go on, in the place that it had.')).action((id: string, flags: Shown) =>
    act(id, 'resume', flags),
  ),
  shown(named('preempt', 'Takes the nodes of a running job, after its grace, and queues it again.'))
    .option('--attempt <fence>', 'only if this attempt is under way: safe to repeat', whole(1, Number.MAX_SAFE_INTEGER))
    .action((id: string, { attempt, ...flags }: Shown & { readonly attempt?: number }) => act(id, `preempt${queryOf({ attempt })}`, flags)),
  shown(named('resize', 'Lets an elastic job have more or fewer nodes.'))
    .argument('<nodes>', 'within the range that it was submitted with', whole(1, JOB_LIMITS.jobNodesMaxCount))
    .action((id: string, nodes: number, flags: Shown) => act(id, 'resize', flags, { nodes })),
  shown(named('reprioritise', 'Gives a job another priority.'))
    .argument('<priority>', 'low, normal, high, or a number from 0 to 100')
    .action((id: string, priority: string, flags: Shown) => act(id, 'reprioritise', flags, { priority: priorityOf(priority) })),
];

async function act(id: string, verb: string, { json }: Shown, body?: object): Promise<void> {
  const job = await (await caller()).call<JobView>('POST', jobPath(id, `/${verb}`), body);
  if (json === true) print(job);
  else console.log(`${job.id} is ${job.state}`);
}
