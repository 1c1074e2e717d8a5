import type { DonePart } from '../src/ann/receipts.ts';
import { INDEX_LIMITS } from '../src/contract/indexes/index-limits.ts';
import type { IndexId, TenantId } from '../src/kernel/ids.ts';

/** What a locator is opened as. */
export interface LocatorIdentity {
  readonly indexId: IndexId;
  readonly tenantId: TenantId;
  readonly name: string;
  readonly ordinal: number;
  /** How many the index has. Absent: as many as when this was not stored. */
  readonly locators?: number;
}

/** The ids of a locator, among all. */
export const partOf = ({ ordinal, locators = INDEX_LIMITS.locatorsCount }: LocatorIdentity): Omit<DonePart, 'lsn'> => ({
  parts: locators,
  part: ordinal,
});

export interface LocatorCounts {
  readonly ids: number;
  readonly writes: number;
  readonly namespaces: readonly string[];
}
