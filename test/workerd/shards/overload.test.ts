import { env } from 'cloudflare:workers';
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';

import type { ReplicaObject } from '../../../durable-objects/replica-object.ts';
import type { ShardObject } from '../../../durable-objects/shard-object.ts';
import type { ShardMatches, ShardQuery } from '../../../src/ann/shard-protocol.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { IndexId, TenantId } from '../../../src/kernel/ids.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const { SHARD, REPLICA } = env as unknown as {
  readonly SHARD: DurableObjectNamespace<ShardObject>;
  readonly REPLICA: DurableObjectNamespace<ReplicaObject>;
};

const DIMENSIONS = 256;
const COUNT = 6_000;
const FLOOD = 90;
const LEARNING = 20;
/** More than the first: reads are served as long as their callers wait. */
const ANSWERED_MIN = 2;
const EVENTUAL = { kind: 'eventual' } as const;
/** Longer than a flood takes on any machine. */
const PATIENT = { budgetMs: 600_000 };

let serial = 0;

/** A shard with slow searches, and a replica of it. */
async function busyShard() {
  serial += 1;
  const indexId = `ix_busy_${serial}` as IndexId;
  const name = `tn_test:${indexId}`;
  const [shard, replica] = [SHARD.getByName(name), REPLICA.getByName(`${name}:r1`)];
  const identity = { indexId, dimensions: DIMENSIONS, metric: 'dot' } as const;
  const route = {
    tenantId: 'tn_test' as TenantId,
    name: 'busy',
    ordinal: 0,
    since: 0,
    budget: 1e6,
    locators: 0,
    isFenced: false,
    task: null,
  };
  await shard.open(identity, route);
  const random = new Seeded(serial);
  const write = (ids: readonly string[], valueOf = () => random.next() - 0.5) =>
    shard.upsert({
      indexId,
      ids,
      namespaces: ids.map(() => ''),
      values: Float32Array.from({ length: ids.length * DIMENSIONS }, valueOf),
      metadata: ids.map(() => null),
      texts: ids.map(() => null),
      repetition: null,
    });
  for (let from = 0; from < COUNT; from += 1_000) await write(Array.from({ length: 1_000 }, (_, i) => `v${from + i}`));
  const target = { kind: 'values', values: new Float32Array(DIMENSIONS).fill(1) } as const;
  const include = { values: false, metadata: false, text: false };
  const query: ShardQuery = { indexId, target, namespace: '', topK: 3, filter: null, excludeIds: [], include, exact: true };
  const queryMs = await learn(() => shard.query(query));
  return { indexId, name, shard, replica, identity, write, query, queryMs };
}

/** Makes an object measure how long its reads take; returns that duration. */
async function learn(read: () => Promise<unknown>): Promise<number> {
  let startedMs = 0;
  for (let n = 0; n < 2 * LEARNING; n += 1) {
    // The first reads are slow.
    if (n === LEARNING) startedMs = Date.now();
    await read();
  }
  const queryMs = (Date.now() - startedMs) / LEARNING;
  await scheduler.wait(5);
  return Math.max(1, queryMs);
}

/** Starts many reads at once; `answeredAt` returns how many had been answered when another call ended. */
function flood(read: () => Promise<Outcome<ShardMatches>>, count = FLOOD) {
  const progress = { over: 0, answered: 0 };
  const reads = Array.from({ length: count }, async () => {
    const outcome = await read();
    progress.over += 1;
    if (outcome.ok) progress.answered += 1;
    return outcome;
  });
  const answeredAt = async (call: Promise<unknown>): Promise<number> => {
    await call;
    return progress.answered;
  };
  return { progress, reads: Promise.all(reads), answeredAt };
}

/**
 * Floods with reads of limited budget until some are answered and others refused. The machine may be faster or slower now than when the
 * reads were timed: if all were answered, more reads follow; if hardly any, reads with longer budgets.
 */
async function floodInPartRefused(read: (budgetMs: number) => Promise<Outcome<ShardMatches>>, queryMs: number) {
  let count = FLOOD;
  let budgetMs = (FLOOD / 3) * queryMs;
  for (;;) {
    const { progress, reads } = flood(() => read(budgetMs), count);
    const outcomes = await reads;
    if (progress.answered <= ANSWERED_MIN) budgetMs *= 2;
    else if (progress.answered === count) count *= 2;
    else return outcomes;
  }
}

/** Floods with reads of ample budget; with fewer of them if the machine is so slow that the object refuses the last ones. */
async function floodAnswered(
  read: () => Promise<Outcome<ShardMatches>>,
  meanwhile: (answeredAt: (call: Promise<unknown>) => Promise<number>) => Promise<readonly number[]>,
) {
  for (let count = FLOOD; ; count = Math.ceil(count / 2)) {
    const { reads, answeredAt } = flood(read, count);
    const answeredBefore = Math.max(...(await meanwhile(answeredAt)));
    const codes = codesOf(await reads);
    if (count < 4 || !codes.includes('overloaded')) return { count, codes, answeredBefore };
  }
}

const codesOf = (outcomes: readonly Outcome<unknown>[]) => [
  ...new Set(outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.code))),
];

describe('an overloaded object', () => {
  it('[F40][F41] (shard) serves pages, the index and writes before waiting reads, and refuses late ones', async () => {
    const { indexId, shard, write, query, queryMs } = await busyShard();
    await shard.followedFrom(indexId, 0);
    const { count, codes, answeredBefore } = await floodAnswered(
      () => shard.query({ ...query, ...PATIENT }),
      (answeredAt) =>
        Promise.all([
          answeredAt(shard.changesSince({ indexId, after: null, countMax: 100 })),
          answeredAt(shard.standing()),
          answeredAt(write(['late'])),
        ]),
    );
    expect(codes).toEqual(['ok']);
    expect(answeredBefore).toBeLessThan(count);
    const outcomes = await floodInPartRefused((budgetMs) => shard.query({ ...query, budgetMs }), queryMs);
    expect(codesOf(outcomes).sort()).toEqual(['ok', 'overloaded']);
    for (const outcome of outcomes) if (!outcome.ok) expect(outcome.error.retryAfterMs).toBeGreaterThan(0);
    // Afterwards the object works as before.
    expect(codesOf([await shard.query(query)])).toEqual(['ok']);
  });

  it('[F44] gives a strong read that waited everything that was acknowledged before the read arrived', async () => {
    const { shard, write, query } = await busyShard();
    const { reads, progress } = flood(() => shard.query({ ...query, ...PATIENT }), 20);
    await write(['newest'], () => 1);
    expect(progress.over).toBeLessThan(20);
    const found = await shard.query(query);
    expect(found.ok && found.value.ids[0]).toBe('newest');
    expect(codesOf(await reads)).toContain('ok');
  });

  it('[F44] checks a read that waited against the routes at the time it runs', async () => {
    const { shard, query } = await busyShard();
    const { reads, progress } = flood(() => shard.query({ ...query, ...PATIENT, routeVersion: 4 }), 40);
    while (progress.answered === 0) await scheduler.wait(0);
    await runInDurableObject(shard, async (object, { storage }) => {
      await object.drain({ since: 5, shards: [], margin: 1 });
      await storage.deleteAlarm();
    });
    // A very slow machine also refuses the last ones.
    expect(codesOf(await reads).filter((code) => code !== 'overloaded')).toEqual(['ok', 'stale_route']);
  });

  it('[F40][F41] (replica) serves other calls before waiting reads, and refuses late ones', async () => {
    const { indexId, name, replica, identity, query } = await busyShard();
    await replica.open(identity, name);
    while ((await replica.state()).completeLsn === null) await runDurableObjectAlarm(replica);
    const queryMs = await learn(() => replica.query(query, EVENTUAL));
    const { count, codes, answeredBefore } = await floodAnswered(
      () => replica.query({ ...query, ...PATIENT }, EVENTUAL),
      async (answeredAt) => [await answeredAt(replica.state())],
    );
    expect(codes).toEqual(['ok']);
    expect(answeredBefore).toBeLessThan(count);
    const outcomes = await floodInPartRefused((budgetMs) => replica.query({ ...query, budgetMs }, EVENTUAL), queryMs);
    expect(codesOf(outcomes).sort()).toEqual(['ok', 'overloaded']);
    await replica.erase(indexId);
  });
});
