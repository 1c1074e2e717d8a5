import type { OrganisationId, ProjectId, TenantId } from '../../kernel/ids.ts';
import type { Meter, Quantities } from '../api/meter.ts';

// What the scheduler asks of the quotas of an organisation before a job runs, and what it returns afterwards. Each message may come twice:
// a grant has the id under which it was asked for, and applying it again changes nothing.

/** Asks for a quantity that a job is about to use. It is taken from the quotas and budgets of all levels at once, or refused. */
export interface FundRequest {
  readonly id: string;
  readonly organisationId: OrganisationId;
  readonly tenantId: TenantId;
  readonly projectId: ProjectId;
  readonly meter: Meter;
  readonly accelerator: string | null;
  /** What accelerator time costs; null, or absent in requests of before it was stated: the price book's at the time of the grant. */
  readonly priceId?: string | null;
  /** The most that it can use. */
  readonly want: number;
  /** Less than this is of no use. */
  readonly least: number;
  /** As much as it needs to its end, as far as that is known: where the payer has less, nothing of it is of use. Absent: not known. */
  readonly toEnd?: number;
  /** Up to so much it takes all there is; of more, a part, so that one job does not lock away what others could use meanwhile. */
  readonly enough: number;
  /** What the job may cost in all; null without a limit. */
  readonly costMaxNano: number | null;
  /** What it was granted so far, less what it gave back: this counts towards `costMaxNano`. */
  readonly had: Quantities;
  /** The accelerator time of that, by what it costs; absent in requests of before it was kept apart, which have it in `had`. */
  readonly hadTime?: readonly PricedTime[];
  /** The grant of the same attempt that is asked for right before this one: it counts towards `costMaxNano`, too. */
  readonly besideId: string | null;
}

/** Accelerator time at one price. */
export interface PricedTime {
  readonly accelerator: string | null;
  /** As in `FundRequest`. */
  readonly priceId: string | null;
  readonly acceleratorMs: number;
}

export type FundAnswer =
  | { readonly kind: 'granted'; readonly id: string; readonly units: number; readonly atMs: number }
  /** `job`: the job has had what it may cost. `payer`: a quota or budget above it is used up. */
  | {
      readonly kind: 'refused';
      readonly id: string;
      readonly refusedTo: 'payer' | 'job';
      /** What the payer has left, nano-dollars, where money is what it lacks. */
      readonly leftNano?: number;
    };

/** How much of a grant was used: the rest returns to the quotas it was taken from. */
export interface FundSettlement {
  readonly id: string;
  readonly meter: Meter;
  readonly accelerator: string | null;
  /** As it was asked for. */
  readonly priceId?: string | null;
  readonly used: number;
}

/** One call of the scheduler: settlements come first, so that what they return can be granted. */
export interface FundMessage {
  readonly settled: readonly FundSettlement[];
  readonly asked: readonly FundRequest[];
}
