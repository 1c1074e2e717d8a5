import type { Grant } from '../../contract/jobs/attempt.ts';
import { must } from '../../kernel/assert.ts';
import { WHOLE_MILLI } from '../engine/model/pool-spec.ts';
import { attemptIdOf, outputFileOf } from '../../contract/jobs/attempt.ts';
import { KIND_FACTS } from '../../contract/jobs/job-facts.ts';
import type { PoolEffect } from '../../contract/pools/pool-exchange.ts';
import type { AttemptPlace, CellDecision } from '../engine/cell/records.ts';
import type { AttemptGroup } from './jobs/attempt-group.ts';
import { newGroup, regrouped } from './jobs/attempt-group.ts';
import type { Job, LiveAttempt } from './jobs/job.ts';

/** What is to be done about a live attempt. */
type AttemptDecision = Extract<CellDecision, { kind: 'start' | 'resize' | 'notice' | 'kill' }>;

const KINDS: ReadonlySet<CellDecision['kind']> = new Set(['start', 'resize', 'notice', 'kill']);

export const isAttemptDecision = (decision: CellDecision): decision is AttemptDecision => KINDS.has(decision.kind);

/** What the pool of an attempt has to do, in this order: one effect for each member concerned. `job`: with its members after that. */
export function effectsOf(job: Job, decision: AttemptDecision): { readonly job: Job; readonly effects: readonly PoolEffect[] } {
  const { attempt } = job;
  if (attempt?.fence !== decision.fence) return { job, effects: [] };
  switch (decision.kind) {
    case 'start':
      return started(job, attempt, decision.places);
    case 'resize':
      return resized(job, attempt, decision.places);
    case 'notice': {
      const command = decision.reason === 'cancelled' ? 'cancel' : 'stop';
      return { job, effects: membersOf(attempt).map((number) => ({ kind: 'stop', attemptId: idOf(job, attempt, number), command })) };
    }
    case 'kill': {
      const all = [...membersOf(attempt), ...(attempt.group?.leaving ?? [])];
      return { job, effects: all.map((number) => ({ kind: 'kill', attemptId: idOf(job, attempt, number) })) };
    }
  }
}

/** The numbers of the members of an attempt, by rank. */
export const membersOf = ({ group, nodes }: LiveAttempt): readonly number[] =>
  group?.members.map(({ number }) => number) ?? Array.from({ length: nodes }, (_, rank) => rank);

const idOf = ({ id }: Job, { fence }: LiveAttempt, number: number) => attemptIdOf(id, fence, number);

const withGroup = (job: Job, attempt: LiveAttempt, group: AttemptGroup): Job => ({ ...job, attempt: { ...attempt, group } });

function started(job: Job, attempt: LiveAttempt, places: readonly AttemptPlace[]): ReturnType<typeof effectsOf> {
  const range = job.options[attempt.option]?.nodes;
  const isElastic = (range !== undefined && range.min < range.max) || KIND_FACTS[job.work.kind].isReplicated === true;
  const group = newGroup(places.map(({ nodeId }) => nodeId));
  const effects = group.members.map(({ number, nodeId }): PoolEffect => ({
    kind: 'start',
    nodeId,
    grant: grantOf(job, attempt, group, number, places),
  }));
  return { job: isElastic ? withGroup(job, attempt, group) : job, effects };
}

/** Members that stay learn what the group is now; those that leave have their grace; those that join start. */
function resized(job: Job, attempt: LiveAttempt, places: readonly AttemptPlace[]): ReturnType<typeof effectsOf> {
  if (attempt.group === undefined) return { job, effects: [] };
  const nodeIds = places.map(({ nodeId }) => nodeId);
  const { group, joined, left } = regrouped(attempt.group, nodeIds);
  const leaves = left.map(({ number }): PoolEffect => ({ kind: 'leave', attemptId: idOf(job, attempt, number), graceMs: job.graceMs }));
  const changes = group.members.flatMap(({ number }, rank): PoolEffect[] => {
    if (joined.some((member) => member.number === number)) return [];
    const { version, members } = group;
    return [{ kind: 'regroup', attemptId: idOf(job, attempt, number), version, rank, worldSize: members.length }];
  });
  const starts = joined.map(({ number, nodeId }): PoolEffect => {
    return { kind: 'start', nodeId, grant: grantOf(job, attempt, group, number, places) };
  });
  return { job: withGroup(job, attempt, group), effects: [...leaves, ...changes, ...starts] };
}

function grantOf(
  job: Job,
  { fence, option }: LiveAttempt,
  { version, members }: AttemptGroup,
  number: number,
  places: readonly AttemptPlace[],
): Grant {
  const { nodeId } = must(
    members.find((member) => member.number === number),
    'the member is of the group',
  );
  const devices = places.find((place) => place.nodeId === nodeId)?.devices ?? [];
  const milliEach = job.options[option]?.perNode.milliEach ?? WHOLE_MILLI;
  return {
    attemptId: attemptIdOf(job.id, fence, number),
    jobId: job.id,
    fence,
    tenantId: job.tenantId,
    work: job.work,
    owner: job.owner,
    outputLifeMs: job.batch?.outputLifeMs ?? null,
    outputFile: outputFileOf(job.id, fence),
    graceMs: job.graceMs,
    checkpointIntervalMs: job.checkpointIntervalMs,
    checkpoint: job.checkpoint ?? null,
    ...(members.length === 1 ? {} : { rank: members.findIndex((member) => member.number === number), worldSize: members.length }),
    ...(version === 0 ? {} : { version }),
    ...(devices.length === 0 ? {} : { devices, ...(milliEach < WHOLE_MILLI ? { deviceMilli: milliEach } : {}) }),
  };
}
