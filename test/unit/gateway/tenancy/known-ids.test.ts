import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TENANCY_LIMITS } from '../../../../src/contract/tenancy/tenancy-limits.ts';
import { AgentAuthenticator } from '../../../../src/gateway/pools/agent-authenticator.ts';
import type { PoolCalls } from '../../../../src/gateway/pools/pool-calls.ts';
import { ABSENT, KnownOrganisations } from '../../../../src/gateway/tenancy/known-organisations.ts';
import type { OrganisationStore } from '../../../../src/gateway/tenancy/organisation-store.ts';
import { UnsignedIds } from '../../../../src/gateway/tenancy/unsigned-ids.ts';
import { Hmac } from '../../../../src/kernel/hmac.ts';
import { IdSigner, SIGNATURE_CHARS } from '../../../../src/kernel/id-signer.ts';
import { base32 } from '../../../../src/kernel/ids.ts';
import type { PoolId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { agentToken, poolId } from '../../../../src/pools/agent-token.ts';
import { isSigned, ORGANISATION_CHARS, organisationId, stemOf } from '../../../../src/tenancy/resource-ids.ts';
import { effort } from '../../../support/fixtures/effort.ts';
import { idsOf, ManualClock } from '../../../support/fakes/tenancy.ts';

const signer = new IdSigner(new Hmac('pepper'));
const text = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map(base32);

describe('signed ids', () => {
  it('[T65] are distinguished from invented ones, and those of other kinds or deployments', async () => {
    await fc.assert(
      fc.asyncProperty(text(ORGANISATION_CHARS), text(SIGNATURE_CHARS), async (own, invented) => {
        const signed = await signer.sign('organisation', own);
        expect(isSigned(organisationId(signed))).toBe(true);
        expect(stemOf(organisationId(signed))).toBe(signed);
        expect(await signer.isOurs('organisation', signed)).toBe(true);
        expect(await signer.isOurs('pool', signed)).toBe(false);
        expect(await new IdSigner(new Hmac('other')).isOurs('organisation', signed)).toBe(false);
        expect(await signer.isOurs('organisation', own + invented)).toBe(signed === own + invented);
      }),
      { seed: 20261127, numRuns: effort(200) },
    );
  });

  it('[T65] are rejected with any one character changed', async () => {
    const signed = await signer.sign('organisation', '4v9k2m7q1x');
    for (const [position, character] of signed.split('').entries()) {
      const other = character === '0' ? '1' : '0';
      expect(await signer.isOurs('organisation', signed.slice(0, position) + other + signed.slice(position + 1))).toBe(false);
    }
  });
});

describe('ids without a signature', () => {
  it('[T65] are read once, and at most once more in unsignedIdsFreshMs for unknown ones', async () => {
    const clock = new ManualClock();
    const known = ['a'];
    let reads = 0;
    const ids = new UnsignedIds(async () => {
      reads += 1;
      return [...known];
    }, clock);
    expect([await ids.has('a'), await ids.has('b'), await ids.has('c')]).toEqual([true, false, false]);
    expect(reads).toBe(1);
    known.push('b');
    clock.ms += TENANCY_LIMITS.unsignedIdsFreshMs - 1;
    expect(await ids.has('b')).toBe(false);
    clock.ms += 1;
    expect([await ids.has('a'), await ids.has('b'), await ids.has('a')]).toEqual([true, true, true]);
    expect(reads).toBe(2);
    // It reads again even if the clock steps back.
    known.push('d');
    clock.ms -= 10 * TENANCY_LIMITS.unsignedIdsFreshMs;
    expect(await ids.has('d')).toBe(true);
  });

  it('[T65] are neither accepted nor rejected while the directory is unreachable', async () => {
    let isAway = true;
    const ids = new UnsignedIds(async () => {
      if (isAway) throw new Error('away');
      return ['a'];
    }, new ManualClock());
    await expect(ids.has('a')).rejects.toThrow('away');
    isAway = false;
    expect(await ids.has('a')).toBe(true);
  });
});

describe('organisations', () => {
  it('[T65] that this deployment did not create are never called', async () => {
    const addressed: string[] = [];
    const ours = idsOf(1).organisationId;
    const called = (name: string) => async () => ok(name);
    const organisations = new KnownOrganisations({
      at: (id) => {
        addressed.push(id);
        return new Proxy({}, { get: (_, name: string) => called(name) }) as OrganisationStore;
      },
      directory: () => expect.fail('not needed'),
      isKnown: async (id) => id === ours,
    });
    const [known, unknown] = [organisations.at(ours), organisations.at(idsOf(2).organisationId)];
    const methods = Object.keys(ABSENT) as (keyof OrganisationStore)[];
    expect(methods.length).toBeGreaterThan(20);
    const callOf = (store: OrganisationStore, method: keyof OrganisationStore) => (store[method] as () => Promise<unknown>)();
    for (const method of methods) {
      expect(await callOf(unknown, method)).toMatchObject({
        error: { code: expect.stringMatching(/^(organisation|tenant|project|key)_not_found$/) },
      });
    }
    expect(addressed).toEqual([]);
    for (const method of methods) expect(await callOf(known, method)).toEqual({ ok: true, value: method });
    expect(new Set(addressed)).toEqual(new Set([ours]));
  });
});

describe('pools', () => {
  it('[T66] that this deployment did not create are not called for the token of an agent', async () => {
    const secret = new Uint8Array(40);
    const addressed: PoolId[] = [];
    const pools = (id: PoolId) => {
      addressed.push(id);
      return { knows: async () => true } as unknown as PoolCalls;
    };
    const ours = poolId(await signer.sign('pool', '0123456789'));
    const agents = new AgentAuthenticator(pools, new Hmac('pepper'), async (id) => id === ours);
    const invented = poolId('0123456789abcdefgh');
    expect(await agents.authenticate(agentToken(invented, secret), invented)).toMatchObject({ error: { code: 'invalid_api_key' } });
    expect(addressed).toEqual([]);
    expect(await agents.authenticate(agentToken(ours, secret), ours)).toEqual({
      ok: true,
      value: { kind: 'agent', poolId: ours, partition: 0 },
    });
  });
});
