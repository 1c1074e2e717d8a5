import type { Assignment, Registration, ServingSaid } from '../../../../src/contract/pools/agent-protocol.ts';
import type { Grant, Serving } from '../../../../src/contract/jobs/attempt.ts';
import { isBuild } from '../../../../src/contract/jobs/job-facts.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import type { AgentId, GroupPlace } from '../../../../src/pools/agent-lease.ts';
import { placeOf } from '../../../../src/pools/agent-lease.ts';
import { partitionOfAgent } from '../../../../src/contract/pools/pool-partition.ts';
import type { AgentPrincipal } from '../../../../src/contract/api/principal.ts';
import type { AttemptHold } from '../../../../src/gateway/pools/attempt-files.ts';
import type { AttemptId, PoolId } from '../../../../src/kernel/ids.ts';
import type { PriceReply } from '../../../../src/contract/pools/pool-prices.ts';
import type { NodeReply, PoolReply } from '../../../../src/contract/pools/pools.ts';
import type { PoolRecord } from '../../../../src/contract/pools/pool-record.ts';
import { weightsMaxMibOf } from '../../../../src/scheduler/served/agents-as-nodes.ts';
import type { NodeView, PoolPrice } from '../../../../src/scheduler/served/pool-operations.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { NodeWeights, PoolNode } from '../../../../src/contract/pools/pool-exchange.ts';
import { DEFAULT_SETTINGS } from '../../../../src/contract/pools/pool-record.ts';
import { replyOfSettings } from '../../../../src/contract/pools/pool-settings.ts';
import { capacityOf, capacityReply } from '../../../../src/contract/jobs/node-capacity.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { usd } from '../../../../src/tenancy/usage/price-book.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { accepted, downloadOf, uploadOf } from '../files/artifacts.ts';
import { pageReply, seconds, replied } from '../wire.ts';

export const poolHandlers = {
  createPool: async ({ gateway, body, idempotencyKey }) =>
    replied(await gateway.heavy.admin.create(body, idempotencyKey), (created) => ({
      ...poolReply(created.pool),
      agent_token: created.token,
    })),
  listPools: async ({ gateway, query }) => {
    const page = await gateway.heavy.admin.list(query.limit, query.after);
    return { ok: true, reply: pageReply(page, poolReply), used: {} };
  },
  getPool: async ({ gateway, params }) => {
    const found = await gateway.heavy.admin.find(params.pool as PoolId);
    if (!found.ok) return found;
    const { agents, running, prices } = found.value;
    return { ok: true, reply: { ...poolReply(found.value), agents, running, prices: prices.map(priceReply) }, used: {} };
  },
  changePool: async ({ gateway, params, body }) => replied(await gateway.heavy.admin.change(params.pool as PoolId, body), poolReply),
  deletePool: async ({ gateway, params, query }) =>
    replied(await gateway.heavy.admin.remove(params.pool as PoolId, query.force === 'true'), () => ({
      id: params.pool,
      object: 'pool.deleted',
      deleted: true,
    })),
  rotatePoolToken: async ({ gateway, params, body, idempotencyKey }) => {
    const rotated = await gateway.heavy.admin.rotateToken(params.pool as PoolId, body.grace_s * 1_000, idempotencyKey);
    if (!rotated.ok) return rotated;
    const { token, formerExpiresAtMs } = rotated.value;
    const reply = { pool: params.pool, object: 'pool.token', agent_token: token, former_expires_at: seconds(formerExpiresAtMs) } as const;
    return { ok: true, reply, used: {} };
  },
  listNodes: async ({ gateway, params, query }) =>
    replied(await gateway.heavy.admin.nodes(params.pool as PoolId, query.limit, query.after), (page) => pageReply(page, nodeReply)),
  cordonNode: async ({ gateway, params }) =>
    nodeOutcome(await gateway.heavy.cell.operate('order', params.pool as PoolId, params.node, 'cordon')),
  drainNode: async ({ gateway, params }) =>
    nodeOutcome(await gateway.heavy.cell.operate('order', params.pool as PoolId, params.node, 'drain')),
  uncordonNode: async ({ gateway, params }) =>
    nodeOutcome(await gateway.heavy.cell.operate('order', params.pool as PoolId, params.node, null)),
  noticeNode: async ({ gateway, params, body }) =>
    nodeOutcome(await gateway.heavy.cell.operate('notice', params.pool as PoolId, params.node, body.in_s * 1_000)),
  setPoolPrice: async ({ gateway, params, body }) => replied(await gateway.heavy.admin.setPrice(params.pool as PoolId, body), priceReply),
  listPoolPrices: async ({ gateway, params }) =>
    replied(await gateway.heavy.cell.operate('prices', params.pool as PoolId), (prices) => ({
      object: 'list',
      data: prices.map(priceReply),
    })),
} satisfies Partial<Handlers>;

const nodeOutcome = (outcome: Outcome<NodeView>) => replied(outcome, nodeReply);

const nodeReply = ({ node, state, jobs, weights, idleSinceMs, terminatesAtMs }: NodeView): NodeReply => ({
  id: node.id,
  object: 'node',
  name: node.name,
  state,
  capacity: node.capacity && capacityReply(node.capacity),
  attempts_max: node.attemptsMax,
  domains: node.domains,
  ordinal: node.ordinal,
  address: node.address,
  devices: node.devices === undefined ? null : [...node.devices],
  jobs: [...jobs],
  weights: weights.map(({ model, memoryMib, loadMs, uses, users, usedAtMs }) => ({
    model,
    memory_mib: memoryMib,
    load_ms: loadMs,
    uses,
    in_use: users,
    last_used_at: usedAtMs === undefined ? null : seconds(usedAtMs),
  })),
  weights_max_mib: weightsMaxMibOf(node) ?? null,
  idle_since: idleSinceMs === null ? null : seconds(idleSinceMs),
  terminates_at: terminatesAtMs === null ? null : seconds(terminatesAtMs),
});

const priceReply = (price: PoolPrice): PriceReply => ({
  accelerator: price.accelerator,
  usd_per_hour: usd(price.costNanoDollarsPerHour),
  margin_per_mille: price.marginPerMille,
  billed_usd_per_hour: usd(price.nanoDollarsPerHour),
  price: price.priceId,
  price_list: price.listId,
  in_force: price.isInForce,
  from: seconds(price.fromMs),
  until: price.untilMs === null ? null : seconds(price.untilMs),
});

const poolReply = (pool: PoolRecord): PoolReply => ({
  id: pool.id,
  object: 'pool',
  name: pool.name,
  owner: pool.owner,
  created_at: seconds(pool.createdAtMs),
  ...replyOfSettings(pool.settings ?? DEFAULT_SETTINGS),
});

/** What the agents of a pool call. The pool is the one that the token is of. */
export const agentHandlers = {
  registerAgent: async ({ gateway, principal, body }) => {
    const agent = await gateway.heavy.pools(principal.poolId).register(nodeOf(body), body.agent as AgentId | undefined);
    if (!agent.ok) return agent;
    return {
      ok: true,
      reply: { agent: agent.value, lease_ms: JOB_LIMITS.agentLeaseMs, heartbeat_ms: JOB_LIMITS.agentHeartbeatMs },
      used: {},
    };
  },
  agentNotice: async ({ gateway, principal, params, body }) =>
    replied(await gateway.heavy.cell.operate('notice', principal.poolId, params.agent, body.in_s * 1_000), ({ terminatesAtMs }) => ({
      terminates_at: seconds(must(terminatesAtMs, 'a node that was given notice has a time')),
    })),
  leaseWork: async ({ gateway, principal, body }) => {
    const leased = await gateway.heavy
      .pools(principal.poolId, partitionOfAgent(body.agent))
      .lease(body.agent as AgentId, body.wait_ms, body.holding as AttemptId[] | undefined, body.weights?.map(weightsOf));
    if (!leased.ok) return leased;
    const { grant, unload } = leased.value;
    return { ok: true, reply: { assignment: grant && assignmentOf(grant), unload: [...unload] }, used: {} };
  },
  poolDemand: async ({ gateway, principal, body }) => {
    const nodes = await gateway.heavy.pools(principal.poolId).demand(body.provider, body.nodes, body.wait_ms);
    return { ok: true, reply: { nodes }, used: {} };
  },
  heartbeat: async ({ gateway, principal, params, body }) => {
    const pool = gateway.heavy.pools(principal.poolId, principal.partition);
    const { fence, progress, run, throughput, serving } = body;
    const allowed =
      serving === undefined ? undefined : await gateway.heavy.replicaHosts.check(principal.poolId, serving.url, principal.address);
    if (allowed?.ok === false) return allowed;
    const measured = throughput && { workMilli: throughput.work_milli, overMs: throughput.over_ms };
    const replica = serving && servingOf(serving);
    const heard = await pool.heartbeat(params.attempt as AttemptId, fence, progress, run, measured, replica);
    if (!heard.ok) return heard;
    const { command, run: running, place } = heard.value;
    return { ok: true, reply: { command, run: running, group: groupReply(place) }, used: {} };
  },
  readInput: async ({ gateway, principal, params, query }) => {
    const input = await gateway.heavy.attempts.input(holdOf(principal, params, query), query.index);
    return downloadOf(input);
  },
  writeOutput: async ({ gateway, principal, params, query, request }) =>
    accepted(await gateway.heavy.attempts.output(holdOf(principal, params, query), query.index, uploadOf(request, query.sha256))),
  meetPeers: async ({ gateway, principal, params, body }) =>
    replied(
      await gateway.heavy
        .pools(principal.poolId, principal.partition)
        .meet(params.attempt as AttemptId, body.fence, body.address, body.group_version),
      (peers) => ({ peers: peers === null ? null : [...peers] }),
    ),
  readCheckpoint: async ({ gateway, principal, params, query }) => {
    const saved = await gateway.heavy.attempts.checkpoint(holdOf(principal, params, query));
    return downloadOf(saved);
  },
  writeCheckpoint: async ({ gateway, principal, params, query, request }) =>
    accepted(await gateway.heavy.attempts.saveCheckpoint(holdOf(principal, params, query), query.sha256, uploadOf(request, query.sha256))),
  appendLog: async ({ gateway, principal, params, query, request }) => {
    // Its length is bounded: a body of another length than declared does not arrive.
    if (request.headers.get('content-length') === null)
      return refuse('invalid_value', 'send the content-length of the part', 'content-length');
    const bytes = new Uint8Array(await request.arrayBuffer());
    return accepted(await gateway.heavy.logs.append(holdOf(principal, params, query), query.at, bytes));
  },
  beginBuild: async ({ gateway, principal, params, body }) => {
    const plan = await gateway.heavy.builds.begin(holdOf(principal, params, body));
    if (!plan.ok) return plan;
    const { options, vectors, sample } = plan.value;
    const { metric, dimensions, listCount: lists, seed, hasLowPlane, subspaceDimensions } = options;
    const reply = { metric, dimensions, lists, seed, low_plane: hasLowPlane, subspace_dimensions: subspaceDimensions, vectors, sample };
    return { ok: true, reply, used: {} };
  },
  readBuildSample: async ({ gateway, principal, params, query }) => {
    const part = await gateway.heavy.builds.sample(holdOf(principal, params, query), query.from);
    if (!part.ok) return part;
    const { values, next } = part.value;
    return { ok: true, reply: new Blob([values]), headers: next === null ? {} : { 'x-sluice-next': String(next) }, used: {} };
  },
  commitBuild: async ({ gateway, principal, params, query, request }) => {
    const artefact = new Uint8Array(await request.arrayBuffer());
    return accepted(await gateway.heavy.builds.commit(holdOf(principal, params, query), query.sha256, artefact));
  },
  completeAttempt: async ({ gateway, principal, params, body }) => {
    const hold = holdOf(principal, params, body);
    await gateway.heavy.logs.close(hold);
    return accepted(await gateway.heavy.attempts.complete(hold, { ...body, outputs: body.outputs }));
  },
  failAttempt: async ({ gateway, principal, params, body: { fence, exit_code: exitCode, lines, ...news } }) => {
    const hold = holdOf(principal, params, { fence });
    await gateway.heavy.logs.close(hold);
    const ending = {
      kind: 'failed',
      ...news,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(lines === undefined ? {} : { lines }),
    } as const;
    return accepted(await gateway.heavy.pools(principal.poolId, principal.partition).end(hold.attemptId, fence, ending));
  },
} satisfies Partial<Handlers>;

const nodeOf = ({ name, capacity, attempts, domains, ordinal, address, kinds, devices, ...rest }: Registration): Omit<PoolNode, 'id'> => ({
  name,
  capacity: capacity === undefined ? null : capacityOf(capacity),
  attemptsMax: attempts ?? 1,
  domains: domains ?? {},
  ordinal: ordinal ?? 0,
  address: address ?? null,
  ...(kinds === undefined ? {} : { kinds }),
  ...(devices === undefined ? {} : { devices }),
  weights: (rest.weights ?? []).map(weightsOf),
  ...(rest.weights_max_mib === undefined ? {} : { weightsMaxMib: rest.weights_max_mib }),
});

const weightsOf = ({ model, memory_mib, load_ms, in_use }: NonNullable<Registration['weights']>[number]): NodeWeights => ({
  model,
  memoryMib: memory_mib,
  loadMs: load_ms,
  ...(in_use === undefined ? {} : { inUse: in_use }),
});

export const holdOf = (
  { poolId, partition }: AgentPrincipal,
  { attempt }: { readonly attempt: string },
  { fence }: { readonly fence: number },
): AttemptHold => ({
  poolId,
  partition,
  attemptId: attempt as AttemptId,
  fence,
});

const groupReply = ({ version, rank, worldSize }: GroupPlace) => ({ version, rank, world_size: worldSize });

const servingOf = ({ url, key, healthy, outstanding_milli: outstandingMilli }: ServingSaid): Serving => ({
  url,
  key,
  isHealthy: healthy,
  ...(outstandingMilli === undefined ? {} : { outstandingMilli }),
});

/** What the member is among those of its attempt. */
function groupOf(grant: Grant) {
  const { version, ...place } = groupReply(placeOf(grant));
  return { ...place, group_version: version };
}

function assignmentOf(grant: Grant): Assignment {
  const { attemptId, fence, work, graceMs, checkpointIntervalMs, devices, deviceMilli } = grant;
  const assigned = {
    attempt: attemptId,
    fence,
    ...(devices === undefined ? {} : { devices: [...devices] }),
    ...(deviceMilli === undefined ? {} : { device_milli: deviceMilli }),
  };
  if (work.kind === 'batch_embedding')
    return { ...assigned, kind: work.kind, model: work.model, ...(work.format === undefined ? {} : { format: work.format }) };
  if (work.kind === 'index_build' || isBuild(work)) return { ...assigned, ...work };
  if (work.kind === 'online_inference') {
    const { kind, model, server } = work;
    return { ...assigned, kind, model, ...(server === undefined ? {} : { server }), grace_ms: graceMs ?? JOB_LIMITS.jobGraceMs };
  }
  const { kind, argv, environment, inputs, outputs, checkpoint = null, limits } = work;
  const program = {
    ...assigned,
    argv,
    environment,
    outputs,
    limits,
    inputs: inputs.map(({ path }) => ({ path })),
    checkpoint,
    grace_ms: graceMs ?? JOB_LIMITS.jobGraceMs,
    checkpoint_interval_ms: checkpointIntervalMs ?? null,
  };
  return kind === 'command' ? { ...program, kind } : { ...program, kind, ...groupOf(grant) };
}
