import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { TENANCY_LIMITS } from '../../../src/contract/tenancy/tenancy-limits.ts';
import type { UsageEvent } from '../../../src/contract/api/meter.ts';
import { UsageDelivery } from '../../../src/gateway/tenancy/usage-delivery.ts';
import { amountNano, editionAt, PRICE_BOOK, usd, priceNamed } from '../../../src/tenancy/usage/price-book.ts';
import { UsageBuffer, usageIdOf } from '../../../src/tenancy/usage/usage-buffer.ts';
import type { Use } from '../../../src/tenancy/usage/usage-buffer.ts';
import { idsOf, ManualClock } from '../../support/fakes/tenancy.ts';
import { effort } from '../../support/fixtures/effort.ts';

const { id: _, ...ids } = idsOf(1);
const use = (quantity: number, fields: Partial<Use> = {}): Use => ({
  ...ids,
  meter: 'requests',
  quantity,
  model: null,
  route: '/v1/models',
  atMs: 0,
  ...fields,
});
const quantityOf = (events: readonly UsageEvent[]): number => events.reduce((sum, event) => sum + event.quantity, 0);

const noLoss = () => expect.fail('there is room');

describe('usage in delivery', () => {
  it('[T31] is added up, kept until acknowledged and repeated unchanged', () => {
    const buffer = new UsageBuffer('isolate', noLoss);
    for (let call = 0; call < 10; call++) buffer.add(use(1));
    buffer.add(use(7, { meter: 'embedding_tokens', model: 'glove' }));
    const [first] = buffer.batches();
    expect(first?.events.map((event) => event.quantity)).toEqual([10, 7]);
    buffer.add(use(3));
    const [again, second] = buffer.batches();
    expect(again).toBe(first);
    expect(second?.events).toMatchObject([{ quantity: 3 }]);
    buffer.add(use(2, { projectId: idsOf(2).projectId, route: '/v1/jobs' }));
    buffer.add(use(4, { route: '/v1/jobs' }));
    expect(buffer.batches()[2]?.events).toMatchObject([{ quantity: 2, projectId: idsOf(2).projectId }, { quantity: 4 }]);
    expect(new Set([...(first?.events ?? []), ...(second?.events ?? [])].map((event) => event.id)).size).toBe(3);
    if (first !== undefined) buffer.acknowledge(first);
    if (first !== undefined) buffer.acknowledge(first);
    expect(buffer.batches()).toEqual([second, expect.anything()]);
  });

  it('[C96] carries tallies of its organisation: added up, bounded, until acknowledged', () => {
    const buffer = new UsageBuffer('isolate', noLoss);
    const tally = (fields: object = {}) => {
      const subject = { organisationId: ids.organisationId, tenantId: ids.tenantId, cache: 'embeddings' as const, model: 'glove' };
      const sent = { ...subject, atMs: 1, counts: { memory: 2, age_0: 2 }, held: { entries: 1, bytes: 9 }, ...fields };
      buffer.tally(`${sent.cache}\n${sent.model}`, sent);
    };
    buffer.add(use(1));
    tally();
    tally({ atMs: 5, counts: { memory: 1, computed: 1 }, held: { entries: 3, bytes: 7 } });
    tally({ model: 'other' });
    tally({ organisationId: idsOf(2).organisationId, tenantId: idsOf(2).tenantId });
    const batches = buffer.batches();
    expect(batches.map(({ events, tallies }) => [events.length, tallies.length])).toEqual([
      [1, 2],
      [0, 1],
    ]);
    const [sum] = batches[0]!.tallies;
    expect(sum).toMatchObject({
      isolateId: 'isolate',
      atMs: 5,
      counts: { memory: 3, computed: 1, age_0: 2 },
      held: { entries: 3, bytes: 7 },
    });
    const lines = batches.flatMap(({ events, tallies }) => [...events, ...tallies]);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(4);
    expect(buffer.batches()[0]).toBe(batches[0]);
    for (const batch of batches) buffer.acknowledge(batch);
    for (let model = 0; model <= TENANCY_LIMITS.usageBatchMaxCount; model++) tally({ model: String(model) });
    expect(buffer.batches().map(({ tallies }) => tallies.length)).toEqual([TENANCY_LIMITS.usageBatchMaxCount, 1]);
    for (let model = 0; model < TENANCY_LIMITS.usagePendingMaxCount; model++) tally({ model: `more ${model}` });
    // Only statistics are dropped when the buffer is full, never usage.
    expect(buffer.batches().reduce((count, { tallies }) => count + tallies.length, 0)).toBe(TENANCY_LIMITS.usagePendingMaxCount / 2);
    for (let line = 0; line < TENANCY_LIMITS.usagePendingMaxCount / 2; line++) buffer.add(use(1, { route: `/${line}` }));
  });

  it('[T31] is bounded, and dropped events are counted', () => {
    let lost = 0;
    const buffer = new UsageBuffer('isolate', () => (lost += 1));
    for (let line = 0; line < TENANCY_LIMITS.usagePendingMaxCount + 5; line++) buffer.add(use(1, { route: `/${line}` }));
    expect(lost).toBe(5);
    const batches = buffer.batches();
    expect(Math.max(...batches.map((batch) => batch.events.length))).toBe(TENANCY_LIMITS.usageBatchMaxCount);
    expect(quantityOf(batches.flatMap((batch) => batch.events))).toBe(TENANCY_LIMITS.usagePendingMaxCount);
    for (const batch of batches) buffer.acknowledge(batch);
    buffer.add(use(1));
    expect(lost).toBe(5);
    expect(quantityOf(buffer.batches().flatMap((batch) => batch.events))).toBe(1);
  });

  it('[T32] gives a retried request the same ids', () => {
    const buffer = new UsageBuffer('isolate', noLoss);
    const id = usageIdOf('/v1/jobs', 'idempotent', ids.tenantId, 'requests');
    // However often it is retried, it occupies one place.
    for (let attempt = 0; attempt <= TENANCY_LIMITS.usagePendingMaxCount; attempt++) buffer.addOnce({ id, ...use(1) });
    buffer.add(use(3));
    expect(buffer.batches().flatMap((batch) => batch.events)).toMatchObject([{ id, ...use(1) }, use(3)]);
    const others = [
      usageIdOf('/v1/files', 'idempotent', ids.tenantId, 'requests'),
      usageIdOf('/v1/jobs', 'another', ids.tenantId, 'requests'),
      usageIdOf('/v1/jobs', 'idempotent', idsOf(2).tenantId, 'requests'),
      usageIdOf('/v1/jobs', 'idempotent', ids.tenantId, 'job_tokens'),
    ];
    expect(new Set([id, ...others]).size).toBe(5);
  });

  it('[T31] is sent again until it is acknowledged', async () => {
    const buffer = new UsageBuffer('isolate', noLoss);
    const clock = new ManualClock();
    const work: Promise<unknown>[] = [];
    const taken: UsageEvent[] = [];
    let failures = 2;
    const delivery = new UsageDelivery({
      buffer,
      clock,
      sleep: async () => undefined,
      background: (promise) => void work.push(promise),
      returnIdle: () => Promise.resolve(false),
      sink: async ({ events }) => {
        if (failures-- > 0) throw new Error('away');
        taken.push(...events);
      },
    });
    for (let call = 0; call < 3; call++) {
      buffer.add(use(1));
      delivery.notice();
      delivery.notice();
      await Promise.all(work);
    }
    // Each time usage and, later, slices that lie idle.
    expect(work).toHaveLength(6);
    expect(quantityOf(taken)).toBe(3);
    expect(buffer.batches()).toEqual([]);
  });

  it('[T94] hands in idle slices again until none is left, without further usage', async () => {
    const clock = new ManualClock();
    const work: Promise<unknown>[] = [];
    const left = [true, true, false];
    const delivery = new UsageDelivery({
      buffer: new UsageBuffer('isolate', noLoss),
      clock,
      sleep: async () => undefined,
      background: (promise) => void work.push(promise),
      returnIdle: async () => left.shift() ?? false,
      sink: async () => undefined,
    });
    delivery.notice();
    for (const delivered of work) await delivered;
    expect([work.length, left]).toEqual([1 + 3, []]);
  });

  it('[T31] is delivered by the next request if the one that was to do it is gone', () => {
    const buffer = new UsageBuffer('isolate', noLoss);
    const clock = new ManualClock();
    let started = 0;
    const delivery = new UsageDelivery({
      buffer,
      clock,
      sleep: () => new Promise(() => undefined),
      background: () => void (started += 1),
      returnIdle: () => Promise.resolve(false),
      sink: async () => undefined,
    });
    delivery.notice();
    delivery.notice();
    // One waits to deliver usage, the other to hand in idle slices.
    expect(started).toBe(2);
    clock.ms += 60_000;
    delivery.notice();
    expect(started).toBe(4);
  });
});

describe('the price book', () => {
  it('[T34] rounds half up, once, exactly', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.integer({ min: 0, max: 5_000_000_000 }),
        fc.integer({ min: 1, max: 3_600_000 }),
        (quantity, nano, units) => {
          const amount = amountNano(quantity, { nano, units });
          const error = 2n * (amount * BigInt(units) - BigInt(quantity) * BigInt(nano));
          expect(error > -BigInt(units) && error <= BigInt(units)).toBe(true);
        },
      ),
      { seed: 34, numRuns: effort(500) },
    );
    expect(amountNano(1, { nano: 1, units: 2 })).toBe(1n);
    expect(amountNano(1, { nano: 1, units: 3 })).toBe(0n);
  });

  it('[T34] prices a million tokens at two cents, and one token above zero', () => {
    const { embedding_tokens: price } = editionAt(Date.UTC(2026, 10, 25)).prices;
    expect(usd(amountNano(1_000_000, price))).toBe('0.020000000');
    expect(usd(amountNano(1, price))).toBe('0.000000020');
    expect(usd(123_456_789_012n)).toBe('123.456789012');
    expect(usd(-5n)).toBe('-0.000000005');
    expect(usd(0n)).toBe('0.000000000');
  });

  it('[T34] applies each edition to its own days', () => {
    const [first] = PRICE_BOOK;
    if (first === undefined) throw new Error('the price book is empty');
    const next = { ...first, id: 'next', fromMs: Date.UTC(2026, 5, 1) };
    const book = [first, next];
    expect(editionAt(next.fromMs - 1, book)).toBe(first);
    expect(editionAt(next.fromMs, book)).toBe(next);
    expect(editionAt(0, book)).toBe(first);
    const dearer = { ...next, prices: { ...next.prices, requests: { nano: 7, units: 1 } } };
    expect(priceNamed('next', 'requests', null, [first, dearer])).toEqual({ nano: 7, units: 1 });
    expect(priceNamed(first.id, 'requests', null, [first, dearer])).toEqual(first.prices.requests);
    expect(PRICE_BOOK.every((edition) => edition.fromMs % 86_400_000 === 0)).toBe(true);
  });
});
