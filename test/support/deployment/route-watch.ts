import { expect } from 'vitest';

import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import { indexObjectName } from '../../../src/index/index-manifest.ts';
import type { RoutingSummary } from '../../../src/index/routing/routing-summary.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { IndexId, TenantId } from '../../../src/kernel/ids.ts';
import type { Server } from '../../../workers/local/serve.ts';

/** What the object does. */
interface IndexStub {
  describe(name: string): Promise<Outcome<IndexManifest>>;
  outline(name: string, indexId: IndexId, known: number): Promise<Outcome<RoutingSummary>>;
}

/** How far an index is with its shards, which its clients do not see. */
export interface RouteState {
  readonly locators: number;
  /** The version of its routes; 0 while it has one shard. */
  readonly version: number;
  /** What its shards are at: `serving` when nothing is moved from them. */
  readonly shards: readonly string[];
}

/** What the object of an index says now; undefined where there is no such index. */
export async function routeState({ miniflare }: Pick<Server, 'miniflare'>, tenant: string, name: string): Promise<RouteState | undefined> {
  const namespace = await miniflare.getDurableObjectNamespace('INDEX', 'sluice-gateway');
  const objectName = indexObjectName(tenant as TenantId, name);
  const index = namespace.get(namespace.idFromName(objectName)) as unknown as IndexStub;
  const described = await index.describe(name);
  const outline = described.ok ? await index.outline(name, described.value.id, 0) : described;
  if (!outline.ok) return undefined;
  const { locators, version, shards } = outline.value;
  return { locators, version, shards: shards.map(({ state }) => state.kind) };
}

/** Whether shards are being made: it gets its locators, or rows are on their way from one shard to another. */
export const isSplitting = (state: RouteState | undefined): boolean =>
  state !== undefined && ((state.locators > 0 && state.version === 0) || state.shards.some((kind) => kind !== 'serving'));

/** Waits until some of what moves now has come to its place, if anything does. */
export async function untilMoved(server: Pick<Server, 'miniflare'>, tenant: string, name: string): Promise<void> {
  const before = JSON.stringify(await routeState(server, tenant, name));
  const hasMoved = async (): Promise<boolean> => {
    // A runtime that has just been killed answers nothing.
    const now = await routeState(server, tenant, name).catch(() => undefined);
    return now !== undefined && (!isSplitting(now) || JSON.stringify(now) !== before);
  };
  await expect.poll(hasMoved, { timeout: 60_000, interval: 20 }).toBe(true);
}
