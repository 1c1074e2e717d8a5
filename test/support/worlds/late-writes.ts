import type { Grant } from '../../../src/contract/jobs/attempt.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { Acting } from '../../../src/gateway/tenancy/authority.ts';
import { underAuthority } from '../../../src/contract/tenancy/write-lease.ts';
import { AttemptFiles } from '../../../src/gateway/pools/attempt-files.ts';
import { FileCatalogue } from '../../../src/gateway/files/file-catalogue.ts';
import { TenantAuthority } from '../../../src/gateway/tenancy/tenant-authority.ts';
import type { CacheOwnerId, FileId, IndexId, KeyId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { keyId, projectId } from '../../../src/tenancy/resource-ids.ts';
import { DOOMED, NEIGHBOUR, ORGANISATION, WORD } from './erasure-parties.ts';
import type { ErasureWorld, LateWrite, Traffic, WorldGateway } from './erasure-world.ts';

import { IN_FORCE } from '../fakes/in-force.ts';
import { newKey } from '../fakes/tenancy.ts';

/** The authority of the admin, which never ends. */
const ADMIN = { authority: IN_FORCE };
const ORIGIN = { contractHash: 'c', model: 'm', modelVersion: '1' };
const { tenant, project, key } = DOOMED;

/** Every kind of write that stores something of a tenant. Each starts under an authority that may have ended when it writes. */
function lateWrites(world: ErasureWorld): Readonly<Record<string, LateWrite>> {
  const { network } = world;
  let serial = 0;
  const next = (): number => (serial += 1);
  /** The time that a request spends before its write, on its body or a computation. */
  const work = () => network.sleep(network.chance(0.3) ? network.between(500, 6_000) : network.between(1, 50));
  const call = <T>({ party }: WorldGateway, object: () => T | Promise<T>) => world.late(party, object);
  const file = (clock: { nowMs(): number }) => {
    const id = `file_${next()}` as FileId;
    return { id, filename: 'a', purpose: 'batch', owner: 'o', digest: '', createdAtMs: clock.nowMs(), expiresAtMs: null };
  };
  const fill = (owner: CacheOwnerId, isMoving: boolean) => async (gateway: WorldGateway) => {
    await fillFor(world, gateway, gateway.doomed, owner, isMoving, work);
    return ok(null);
  };
  const purge = (owner: CacheOwnerId, actor: KeyId | 'admin') => async (gateway: WorldGateway) => {
    const { authority } = actor === 'admin' ? ADMIN : gateway.doomed;
    const noted = await call(gateway, () => world.organisation.note(tenant, 'cache.purge', actor, `pg_${next()}`));
    if (!noted.ok) return noted;
    await work();
    const selection = { tags: [WORD] };
    const command = { purgeId: `pg_${next()}`, owner, tenantId: tenant, bodyDigest: 'd', selection, mode: 'hard', consistency: 'fast' };
    return underAuthority(authority, (lease) => call(gateway, () => world.log(owner).purge(command as never, lease)));
  };
  const addKey = async (gateway: WorldGateway, actor: KeyId | 'admin') => {
    await work();
    const made = newKey({
      id: keyId(ORGANISATION, new Uint8Array(10).fill(10 + (next() % 20))),
      organisationId: ORGANISATION,
      tenantId: tenant,
      projectId: project,
    });
    return call(gateway, () => world.organisation.addKey(made, { actor, digest: `${next()}` }));
  };
  const addProject = async (gateway: WorldGateway, actor: KeyId | 'admin') => {
    await work();
    const id = projectId(ORGANISATION, new Uint8Array(8).fill(10 + (next() % 20)));
    const made = { id, tenantId: tenant, name: `p-${next()}`, owner: 'o', createdAtMs: 1, expiresAtMs: null };
    return call(gateway, () => world.organisation.addProject(made, { actor, digest: `${next()}` }));
  };
  return {
    upload: async ({ writer, doomed, clock }) => {
      await work();
      return writer.write(tenant, doomed.authority, file(clock), 'content');
    },
    output: async ({ writer, clock, organisations }) => {
      const assigned = { kind: 'batch_embedding', model: 'm', inputFile: 'file_input' };
      const grant = { tenantId: tenant, jobId: 'job_late', fence: next(), work: assigned, owner: 'o' } as unknown as Grant;
      const authorityOf = () => new TenantAuthority(organisations, clock, tenant);
      const pools = () => ({ held: async () => ok(grant) });
      await work();
      const hold = { poolId: 'p', attemptId: 'a', fence: 1 } as never;
      const upload = { bytes: 7, sha256: undefined, content: 'content' };
      return new AttemptFiles({ pools, writer, files: {}, clock, authorityOf } as never).output(hold, 0, upload);
    },
    deletion: async (gateway) => {
      const uploaded = await gateway.writer.write(tenant, gateway.doomed.authority, file(gateway.clock), 'content');
      if (!uploaded.ok) return uploaded;
      await work();
      return new FileCatalogue({ store: world.files, clock: gateway.clock } as never).delete(gateway.doomed, uploaded.value.id);
    },
    fill: fill(tenant, false),
    'shared fill': fill(ORGANISATION, false),
    move: fill(ORGANISATION, true),
    purge: purge(tenant, key),
    'shared purge': purge(ORGANISATION, key),
    'purge by the admin': purge(tenant, 'admin'),
    'shared purge by the admin': purge(ORGANISATION, 'admin'),
    'key of a key': (gateway) => addKey(gateway, key),
    'key of the admin': (gateway) => addKey(gateway, 'admin'),
    'project of a key': (gateway) => addProject(gateway, key),
    'project of the admin': (gateway) => addProject(gateway, 'admin'),
    quota: async (gateway) => {
      await work();
      const ask = { need: { requests: 1 }, draw: { requests: 1 }, want: { requests: 1 }, returned: [] };
      return ok(
        await call(gateway, () => world.quotas.take(`isolate-${next()}`, 1, [{ path: [ORGANISATION, tenant, project, key], ask }])),
      );
    },
    reservation: async (gateway) => {
      await work();
      const path = [ORGANISATION, tenant, project, key];
      await call(gateway, () => world.quotas.count([{ tenant, units: 3 }], 'vectors', false, network.nowMs));
      return ok(await call(gateway, () => world.quotas.reserve({ id: `r${next()}`, path, units: { vectors: 1 }, lifeMs: 3_600_000 })));
    },
    usage: async (gateway) => {
      const of = { organisationId: ORGANISATION, tenantId: tenant, model: 'm', atMs: network.nowMs };
      const event = { ...of, id: `e:${next()}`, projectId: project, keyId: key, meter: 'requests' as const, quantity: 1, route: '/v1' };
      const held = { entries: 1, bytes: 1 };
      const tally = { ...of, id: `t:${next()}`, isolateId: 'i', cache: 'embeddings' as const, counts: { memory: 1 }, held };
      await work();
      return call(gateway, () => world.billing.record([event], [tally]));
    },
    budget: async (gateway) => {
      await work();
      const levelId = network.pick([tenant, project]);
      const budget = { id: `bud_${levelId}`, levelId, amountNano: 1, thresholds: [], isHard: false };
      return call(gateway, () => world.billing.setBudget(budget));
    },
    index: async (gateway) => {
      if (!gateway.opened.has(tenant)) {
        const opened = await call(gateway, () => world.organisation.openIndexes(tenant));
        if (!opened.ok) return opened;
        await call(gateway, () => world.registry.open());
        gateway.opened.add(tenant);
      }
      const name = `index-${next()}`;
      await work();
      return underAuthority(gateway.doomed.authority, (lease) =>
        call(gateway, () => world.intoIndex(name, lease, `ix_${next()}` as IndexId)),
      );
    },
    vectors: async (gateway) => {
      const name = [...world.indexes.keys()].at(-1) ?? 'none';
      await work();
      return underAuthority(gateway.doomed.authority, (lease) => call(gateway, () => world.intoIndex(name, lease)));
    },
    alias: async (gateway) => {
      const index = [...world.indexes.keys()].at(-1);
      if (index === undefined) return refuse('index_not_found', 'none yet');
      await work();
      const set = { kind: 'set' as const, alias: `alias-${next()}`, index };
      return underAuthority(gateway.doomed.authority, (lease) => call(gateway, () => world.registry.changeAliases([set], lease)));
    },
  };
}

/** Another tenant's fills of the shared cache, some with the same texts. */
const neighbourFills = (world: ErasureWorld, gateway: WorldGateway): Promise<void> =>
  fillFor(world, gateway, gateway.neighbour, ORGANISATION, false, () => world.network.sleep(world.network.between(1, 3_000)));

export const LATE_TRAFFIC: Traffic = { writes: lateWrites, fills: neighbourFills };

async function fillFor(
  world: ErasureWorld,
  gateway: WorldGateway,
  acting: Acting,
  owner: CacheOwnerId,
  isMoving: boolean,
  compute: () => Promise<void>,
): Promise<void> {
  const cache = world.cacheOf(gateway, isMoving);
  const digests = Array.from({ length: 2 }, () => `text-${world.network.between(1, 8)}`);
  // While shards move, a lookup also copies what it finds in the old shard to the new one.
  const found = await cache.get(owner, ORIGIN, digests, acting);
  await compute();
  const filledBy = acting.principal.tenantId;
  const tags = filledBy === NEIGHBOUR.tenant ? [] : [WORD];
  const entries = digests.map((digest) => ({ digest, position: 0, knownMs: 0, filledBy, tags, ageMs: 0, ttlMs: undefined }));
  if (found.length === 0) await cache.put(owner, ORIGIN, entries, new Float32Array(digests.length), acting);
}
