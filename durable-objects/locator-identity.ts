import type { IndexId, TenantId } from '../src/kernel/ids.ts';

/** What a locator is opened as. */
export interface LocatorIdentity {
  readonly indexId: IndexId;
  readonly tenantId: TenantId;
  readonly name: string;
  readonly ordinal: number;
}

export interface LocatorCounts {
  readonly ids: number;
  readonly writes: number;
  readonly namespaces: readonly string[];
}
