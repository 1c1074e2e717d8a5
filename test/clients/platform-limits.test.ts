import { serialize } from 'node:v8';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { INDEX_LIMITS } from '../../src/contract/indexes/index-limits.ts';
import type { StoredRow } from '../support/deployment/largest-rows.ts';
import { CLOUDFLARE_LIMITS } from '../support/journeys/cloudflare-limits.ts';
import { JourneyWorld } from '../support/journeys/journey-world.ts';
import { journeysOf, LARGE, SMALL } from '../support/journeys/journeys.ts';
import { messageBytes } from '../workerd/platform-use/message-bytes.ts';

const IS_FULL = process.env['SLUICE_TEST_FULL'] === '1';

interface Pinned {
  /** Subrequests of one invocation of the gateway, and of any behind it. */
  readonly subrequests: number;
  readonly behind: number;
  readonly services: number;
  readonly sessionCalls: number;
  readonly messageBytes: number;
  readonly valueBytes: number;
  /** Invocations that take part, lest a journey be counted that does something else. */
  readonly meets: readonly string[];
}

/** What the small journeys use, with room for what a slow run renews meanwhile: keys, quotas, views. More than that is a change to be looked at. */
const PINNED: Readonly<Record<string, Pinned>> = {
  embedding: {
    subrequests: 26,
    behind: 4,
    services: 1,
    sessionCalls: 0,
    messageBytes: 80_000,
    valueBytes: 10_000,
    meets: ['gateway POST /v1/embeddings', 'InferenceService.embed', 'EmbeddingCacheObject.get'],
  },
  'embedding by a registered model': {
    subrequests: 30,
    behind: 4,
    services: 2,
    sessionCalls: 0,
    messageBytes: 40_000,
    valueBytes: 10_000,
    meets: ['gateway POST /v1/embeddings', 'InferenceService.embedTexts'],
  },
  'chat with guardrails': {
    subrequests: 12,
    behind: 4,
    services: 1,
    sessionCalls: SMALL.pieces + 10,
    messageBytes: 20_000,
    valueBytes: 10_000,
    meets: ['gateway POST /v1/chat/completions', 'GuardrailService.open'],
  },
  purge: {
    subrequests: 12,
    behind: 12,
    services: 1,
    sessionCalls: 0,
    messageBytes: 20_000,
    valueBytes: 10_000,
    meets: ['gateway POST /v1/cache/purge', 'PurgeLogObject.purge'],
  },
  'Qdrant upsert': {
    subrequests: 14,
    behind: 4,
    services: 0,
    sessionCalls: 0,
    messageBytes: 600_000,
    valueBytes: 600_000,
    meets: ['gateway PUT /qdrant/collections/points/points', 'ShardObject.upsert'],
  },
  job: {
    subrequests: 20,
    behind: 6,
    services: 0,
    sessionCalls: 0,
    messageBytes: 40_000,
    valueBytes: 40_000,
    meets: ['gateway POST /v1/jobs', 'SchedulerObject.submit', 'PoolObject.end'],
  },
  batch: {
    subrequests: 20,
    behind: 6,
    services: 0,
    sessionCalls: 0,
    messageBytes: 40_000,
    valueBytes: 40_000,
    meets: ['gateway POST /v1/batches', 'SchedulerObject.submit'],
  },
  import: {
    subrequests: 20,
    behind: 6,
    services: 0,
    sessionCalls: 0,
    messageBytes: 1_000_000,
    valueBytes: 1_000_000,
    meets: ['gateway POST /v1/indexes/imported/import', 'ShardObject.upsert'],
  },
  'query over many shards': {
    subrequests: 24,
    behind: 24,
    services: 0,
    sessionCalls: 0,
    messageBytes: 40_000,
    valueBytes: 40_000,
    meets: ['gateway POST /v1/indexes/grown/query', 'ShardObject.query'],
  },
};

let world: JourneyWorld;
let stopped: Promise<readonly StoredRow[]> | undefined;

beforeAll(async () => {
  world = await JourneyWorld.start();
});

const stop = (): Promise<readonly StoredRow[]> => (stopped ??= world.stop());

afterAll(stop);

describe('what an invocation uses of what Cloudflare limits', () => {
  it.each(journeysOf(IS_FULL ? LARGE : SMALL))('[G90] stays within its bounds: $name', async (journey) => {
    const measured = await world.measure(journey);
    for (const use of [measured.gateway, measured.others])
      for (const [name, limit] of Object.entries(CLOUDFLARE_LIMITS))
        expect(use[name as keyof typeof CLOUDFLARE_LIMITS], `${name}: ${JSON.stringify(measured.uses)}`).toBeLessThanOrEqual(limit);
    const pinned = PINNED[journey.name];
    const names = measured.uses.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(pinned?.meets.slice() ?? ['pinned']));
    if (IS_FULL || pinned === undefined) return;
    const { gateway, others } = measured;
    const used: Omit<Pinned, 'meets'> = {
      subrequests: gateway.subrequests,
      behind: others.subrequests,
      services: Math.max(gateway.services, others.services),
      sessionCalls: Math.max(gateway.sessionCalls, others.sessionCalls),
      messageBytes: Math.max(gateway.messageBytes, others.messageBytes),
      valueBytes: others.valueBytes,
    };
    for (const [name, most] of Object.entries(used))
      expect(most, `${name}: ${JSON.stringify(measured.uses)}`).toBeLessThanOrEqual(pinned[name as keyof typeof used]);
  });

  it('[G90] stores no row that Cloudflare would refuse', async () => {
    const rows = await stop();
    expect(rows.map(({ key }) => key)).toEqual(expect.arrayContaining(['sluice-shards-ShardObject', 'sluice-objects-SchedulerObject']));
    expect(rows[0]?.bytes).toBeGreaterThan(0);
    expect(rows.filter(({ bytes }) => bytes > INDEX_LIMITS.rowBytesMax)).toEqual([]);
  });

  it('[G90] is counted with messages at least as large as the runtime writes them', () => {
    const view = new Float32Array(1_000).subarray(10, 20);
    const texts = ['plain', 'not of one byte each: \u{2014}', ''];
    const values = [
      texts,
      { ids: texts, floats: new Float32Array(300), metadata: [null, '{}'] },
      new Map([['a', [1, 2.5, true]]]),
      7,
      null,
    ];
    for (const value of values) {
      const written = serialize(value).length;
      expect(messageBytes(value)).toBeGreaterThanOrEqual(written - 16);
      expect(messageBytes(value)).toBeLessThan(2 * written + 64);
    }
    // A view brings the whole buffer behind it, and one that comes twice is written once.
    expect(messageBytes([view, view])).toBeGreaterThan(4_000);
    expect(messageBytes([view, view])).toBeLessThan(4_100);
  });
});
