import type { Assignment, Registration } from '../../../src/contract/agent-protocol.ts';
import type { Grant } from '../../../src/contract/attempt.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import { capacityOf } from '../../../src/contract/node-capacity.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { PoolNode } from '../../../src/contract/pool-exchange.ts';
import type { PoolRecord, PoolReply } from '../../../src/contract/pools.ts';
import type { AttemptId, PoolId } from '../../../src/kernel/ids.ts';
import type { AgentId } from '../../../src/pools/agent-lease.ts';
import type { Handlers } from '../serve.ts';
import { pageReply, seconds } from './wire.ts';

export const poolHandlers = {
  createPool: async ({ gateway, body, idempotencyKey }) => {
    const created = await gateway.heavy.admin.create(body, idempotencyKey);
    return created.ok ? { ok: true, reply: { ...poolReply(created.value.pool), agent_token: created.value.token }, used: {} } : created;
  },
  listPools: async ({ gateway, query }) => {
    const page = await gateway.heavy.admin.list(query.limit, query.after);
    return { ok: true, reply: pageReply(page, poolReply), used: {} };
  },
  getPool: async ({ gateway, params }) => {
    const found = await gateway.heavy.admin.find(params.pool as PoolId);
    if (!found.ok) return found;
    const { agents, running } = found.value;
    return { ok: true, reply: { ...poolReply(found.value), agents, running }, used: {} };
  },
} satisfies Partial<Handlers>;

const poolReply = (pool: PoolRecord): PoolReply => ({
  id: pool.id,
  object: 'pool',
  name: pool.name,
  owner: pool.owner,
  created_at: seconds(pool.createdAtMs),
});

/** What the agents of a pool call. The pool is the one that the token is of. */
export const agentHandlers = {
  registerAgent: async ({ gateway, principal, body }) => {
    const agent = await gateway.heavy.pools(principal.poolId).register(nodeOf(body));
    if (!agent.ok) return agent;
    return { ok: true, reply: { agent: agent.value, lease_ms: LIMITS.agentLeaseMs, heartbeat_ms: LIMITS.agentHeartbeatMs }, used: {} };
  },
  leaseWork: async ({ gateway, principal, body }) => {
    const grant = await gateway.heavy
      .pools(principal.poolId)
      .lease(body.agent as AgentId, body.wait_ms, body.holding as AttemptId[] | undefined);
    return grant.ok ? { ok: true, reply: { assignment: grant.value && assignmentOf(grant.value) }, used: {} } : grant;
  },
  heartbeat: async ({ gateway, principal, params, body }) => {
    const pool = gateway.heavy.pools(principal.poolId);
    const { fence, progress, run, throughput } = body;
    const measured = throughput && { workMilli: throughput.work_milli, overMs: throughput.over_ms };
    const heard = await pool.heartbeat(params.attempt as AttemptId, fence, progress, run, measured);
    return heard.ok ? { ok: true, reply: heard.value, used: {} } : heard;
  },
  readInput: async ({ gateway, principal, params, query }) => {
    const content = await gateway.heavy.attempts.input(principal.poolId, params.attempt as AttemptId, query.fence);
    return content.ok ? { ok: true, reply: content.value, used: {} } : content;
  },
  writeOutput: async ({ gateway, principal, params, query, request }) => {
    const bytes = Number(request.headers.get('content-length') ?? Number.NaN);
    const content = request.body ?? new Blob();
    return accepted(await gateway.heavy.attempts.output(principal.poolId, params.attempt as AttemptId, query.fence, bytes, content));
  },
  completeAttempt: async ({ gateway, principal, params, body: { fence, ...news } }) =>
    accepted(await gateway.heavy.pools(principal.poolId).end(params.attempt as AttemptId, fence, { kind: 'completed', ...news })),
  failAttempt: async ({ gateway, principal, params, body: { fence, ...news } }) =>
    accepted(await gateway.heavy.pools(principal.poolId).end(params.attempt as AttemptId, fence, { kind: 'failed', ...news })),
} satisfies Partial<Handlers>;

const nodeOf = ({ name, capacity, attempts, domains, ordinal, address, weights }: Registration): Omit<PoolNode, 'id'> => ({
  name,
  capacity: capacity === undefined ? null : capacityOf(capacity),
  attemptsMax: attempts ?? 1,
  domains: domains ?? {},
  ordinal: ordinal ?? 0,
  address: address ?? null,
  weights: (weights ?? []).map(({ model, memory_mib, load_ms }) => ({ model, memoryMib: memory_mib, loadMs: load_ms })),
});

const accepted = (outcome: Outcome<null>) => (outcome.ok ? ({ ok: true, reply: { accepted: true }, used: {} } as const) : outcome);

const assignmentOf = ({ attemptId, fence, work }: Grant): Assignment => ({ attempt: attemptId, fence, kind: work.kind, model: work.model });
