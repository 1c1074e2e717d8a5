import { expect } from 'vitest';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import { indexObjectName } from '../../../src/index/index-manifest.ts';
import type { RoutingSummary } from '../../../src/index/routing/routing-summary.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { IndexId, TenantId } from '../../../src/kernel/ids.ts';
import type { ObjectCalls } from './object-calls.ts';

/** The methods of the index object that this file calls. */
interface IndexStub {
  describe(name: string): Promise<Outcome<IndexManifest>>;
  routingSummary(name: string, indexId: IndexId, known: number): Promise<Outcome<RoutingSummary>>;
}

/** How far the resharding of an index is, which its clients cannot see. */
export interface RouteState {
  readonly locators: number;
  /** The version of its routing table; 0 while it has one shard. */
  readonly version: number;
  /** The state of each shard: `serving` when no rows are being moved out of it. */
  readonly shards: readonly string[];
}

/** The current state, from the index object; undefined if there is no such index. */
export async function routeState(objects: ObjectCalls, tenant: string, name: string): Promise<RouteState | undefined> {
  const index = objects.stubOf<IndexStub>('INDEX', indexObjectName(tenant as TenantId, name));
  const described = await index.describe(name);
  const summary = described.ok ? await index.routingSummary(name, described.value.id, 0) : described;
  if (!summary.ok) return undefined;
  const { locators, version, shards } = summary.value;
  return { locators, version, shards: shards.map(({ state }) => state.kind) };
}

/** Whether the index is being resharded: its first split is under way, or rows are moving between shards. */
export const isSplitting = (state: RouteState | undefined): boolean =>
  state !== undefined && ((state.locators > 0 && state.version === 0) || state.shards.some((kind) => kind !== 'serving'));

/** Waits until some of what is moving has arrived; returns at once if nothing is moving. */
export async function untilMoved(objects: ObjectCalls, tenant: string, name: string): Promise<void> {
  const before = JSON.stringify(await routeState(objects, tenant, name));
  const hasMoved = async (): Promise<boolean> => {
    // A runtime that has just been killed does not answer.
    const now = await routeState(objects, tenant, name).catch(() => undefined);
    return now !== undefined && (!isSplitting(now) || JSON.stringify(now) !== before);
  };
  await expect.poll(hasMoved, { timeout: 60_000, interval: 20 }).toBe(true);
}
