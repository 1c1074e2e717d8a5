import type { Dimension, Meter } from '../../contract/api/meter.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { amountNano, priceNamed } from './price-book.ts';

/** Whole hours: `fromMs` included, `toMs` not. */
export interface UsageQuery {
  readonly fromMs: number;
  readonly toMs: number;
  readonly tenantId?: TenantId;
  readonly groupBy: readonly Dimension[];
}

/** Where a sum belongs, by the dimensions that were asked for: hours and days since the epoch, an empty model for none. */
export interface UsageGroup {
  readonly hour?: number;
  readonly day?: number;
  readonly tenant?: string;
  readonly project?: string;
  readonly key?: string;
  readonly model?: string;
  /** Empty for what no upstream served. */
  readonly upstream?: string;
  readonly route?: string;
}

/** The upstream of a label `upstream/model`; empty for a model of Sluice's own, whose name has no slash. [T93] */
export const upstreamOf = (model: string): string => model.slice(0, Math.max(0, model.indexOf('/')));

/** Quantities of one meter in one group, before they are priced. */
export interface UsageSum {
  readonly group: UsageGroup;
  readonly meter: Meter;
  /** The type of accelerator, which has a price of its own; empty for everything else. */
  readonly accelerator: string;
  /** The edition of the price book, or the price that a pool stated. */
  readonly priceId: string;
  readonly quantity: number;
}

/** One line of a bill: rounded once, here. */
export interface UsageLine extends UsageSum {
  readonly amountNano: bigint;
}

export const priced = (sums: readonly UsageSum[]): UsageLine[] =>
  sums.map((sum) => ({ ...sum, amountNano: amountNano(sum.quantity, priceNamed(sum.priceId, sum.meter, sum.accelerator || null)) }));
