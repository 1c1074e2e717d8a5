import { expect } from 'vitest';

import type { JobExplanationReply, RemedyStepReply } from '../../../src/contract/jobs/job-explanation.ts';
import type { ApiClient } from './api-client.ts';

/** Who takes the steps of a remedy, and the machines that there are. */
export interface RemedyTakers {
  readonly tenant: ApiClient;
  readonly operator: ApiClient;
  /** The tenant of the job. */
  readonly tenantId: string;
  /** Starts an agent on another node such as those there. */
  readonly addNode: () => void;
}

/** Takes the steps of a remedy by the calls that they name, to the letter. */
export async function takeRemedy({ steps }: JobExplanationReply['remedies'][number], takers: RemedyTakers): Promise<void> {
  for (const step of steps) {
    const [method = '', path = ''] = step.call.split(' ');
    if (step.kind === 'more_nodes') {
      expect(step.call).toBe(`POST /v1/pools/${step.pool}/agents`);
      for (let count = 0; count < step.by; count += 1) takers.addNode();
      continue;
    }
    const caller = takers[step.who];
    const body = step.kind === 'more_quota' ? await quotaBody(step, method, path, takers) : bodyOf(step);
    const { status, body: reply } = await caller.call(method, path, body);
    expect(status, `${step.call} ${JSON.stringify(body)}: ${JSON.stringify(reply)}`).toBeLessThan(300);
  }
}

async function quotaBody(
  { who, resource, amount }: Extract<RemedyStepReply, { kind: 'more_quota' }>,
  method: string,
  path: string,
  takers: RemedyTakers,
): Promise<object> {
  const known = method === 'PATCH' ? (await takers[who].get(path)).body.quotas : {};
  const nominal = (known[resource]?.nominal ?? 0) + amount;
  const owner = method === 'PATCH' ? {} : { name: `made-${takers.tenantId.toLowerCase().replaceAll('_', '-')}`, tenant: takers.tenantId };
  return { ...owner, quotas: { ...known, [resource]: { ...known[resource], nominal } } };
}

function bodyOf(step: RemedyStepReply): object {
  if (step.kind === 'allow_eviction')
    return { preemption: step.of === 'borrowers' ? { reclaim: 'any' } : { within_queue: 'lower_priority' } };
  if (step.kind === 'higher_priority') return { priority: step.priority };
  if (step.kind === 'suspend_job' || step.kind === 'resume' || step.kind === 'uncordon') return {};
  return expect.unreachable(`no call for ${step.kind}`);
}
