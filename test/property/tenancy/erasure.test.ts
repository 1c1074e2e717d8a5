import { afterEach, describe, expect, it, vi } from 'vitest';

import { seeds } from '../../support/fixtures/effort.ts';

/** Runs worlds in which a tenant is erased; returns what happened in them and the first violation. */
async function worlds(of: readonly number[]) {
  const { ErasureWorld } = await import('../../support/worlds/erasure-world.ts');
  const { LATE_TRAFFIC } = await import('../../support/worlds/late-writes.ts');
  const seen: Record<string, number> = {};
  for (const seed of of) {
    const world = new ErasureWorld(seed, LATE_TRAFFIC);
    await world.run();
    for (const [what, times] of Object.entries(world.seen)) seen[what] = (seen[what] ?? 0) + times;
    if (world.violations.length > 0) return { seen, violation: `seed ${seed}: ${world.violations[0]}` };
  }
  return { seen, violation: undefined };
}

const COUNT = 20;
/** Enough seeds for each of the mutations below to be detected. */
const TRIES = Array.from({ length: 60 }, (_, n) => n + 1_010);

// oxlint-disable-next-line typescript/no-explicit-any -- the mutations reach into modules of every shape
type Mutation = (module: any) => object | void;

const SRC = '../../../src';
const OBJECTS = '../../../durable-objects';

/** Each mutation: its description, the module, and the change, to the module's exports or the prototypes of its classes. */
const MUTATIONS: readonly (readonly [string, string, Mutation])[] = [
  ['objects checked no lease', `${SRC}/contract/tenancy/write-lease.ts`, () => ({ underLease: () => ({ ok: true, value: null }) })],
  [
    'leases lasted longer than an erasure waits',
    `${SRC}/contract/tenancy/write-lease.ts`,
    () => ({ leaseFrom: (ms: number) => ({ endsAtMs: ms + 9_000 }) }),
  ],
  [
    'an erasure did not wait for leases',
    `${SRC}/gateway/tenancy/erasure/tenant-eraser.ts`,
    ({ TenantEraser }) => ({
      TenantEraser: class extends TenantEraser {
        constructor(organisations: object, steps: object) {
          super(organisations, steps, async () => {});
        }
      },
    }),
  ],
  [
    'writes under an unconfirmed authority were kept',
    `${SRC}/contract/tenancy/write-lease.ts`,
    ({ underAuthority }) => ({
      underAuthority: (authority: object, step: (lease?: { endsAtMs: number }) => unknown) =>
        underAuthority(authority, (lease?: { endsAtMs: number }) => step(lease && { endsAtMs: lease.endsAtMs })),
    }),
  ],
  ['an organisation made projects for an erased tenant', `${SRC}/tenancy/organisation.ts`, () => ({ isErased: () => false })],
  [
    'the ledger and the quotas forgot who was erased',
    `${SRC}/tenancy/erased-ids.ts`,
    ({ SqliteErasedIds }) => void (SqliteErasedIds.prototype.among = () => new Set()),
  ],
  [
    'a purge log forgot who was erased',
    `${SRC}/cache/store/purge-log-store.ts`,
    ({ PurgeLogStore }) => void (PurgeLogStore.prototype.hasErased = () => false),
  ],
  [
    'the texts of purges stayed in a shared log',
    `${SRC}/cache/purge-log.ts`,
    ({ PurgeLog }) =>
      void (PurgeLog.prototype.withoutTerms = function withoutTerms() {
        return this;
      }),
  ],
  [
    'the fills of a tenant in a shared cache were not recognised',
    `${SRC}/cache/purge-predicate.ts`,
    () => ({ broughtBy: (owner: string, tenant: string) => (owner === tenant ? {} : { filledBy: 'nobody' }) }),
  ],
  [
    'a registry stayed open',
    `${OBJECTS}/tenant-index-registry.ts`,
    ({ TenantIndexRegistry }) => void (TenantIndexRegistry.prototype.close = () => {}),
  ],
  [
    'files that are being written were not counted',
    '../../support/fakes/memory-file-store.ts',
    ({ MemoryFileStore }) => void (MemoryFileStore.prototype.announced = async () => ({ announced: [] })),
  ],
];

describe('an erasure among late writes of every kind', () => {
  afterEach(() => {
    for (const [, file] of MUTATIONS) vi.doUnmock(file);
    vi.resetModules();
  });

  it('[T58] [T71] [T72] [T73] [T74] reports it if nothing is left; nothing appears later', async () => {
    const { seen, violation } = await worlds(seeds(COUNT));
    expect(violation).toBeUndefined();
    const kinds = new Set(Object.keys(seen).map((what) => what.replace(/ (done|refused|lost)$/, '')));
    expect(kinds.size).toBe(22);
    // Some writes of each kind came in time; the other tenant's part of the shared cache survives the erasure.
    for (const kind of kinds) expect(seen[`${kind} done`] ?? seen[kind], kind).toBeGreaterThan(0);
  });

  it.each(MUTATIONS)('[T58] fails this test if %s', async (_, file, mutation) => {
    vi.resetModules();
    let isLoaded = false;
    vi.doMock(file, async (original) => {
      const module = await original<object>();
      isLoaded = true;
      return { ...module, ...mutation(module) };
    });
    expect((await worlds(TRIES)).violation).toBeDefined();
    expect(isLoaded, file).toBe(true);
  });
});
