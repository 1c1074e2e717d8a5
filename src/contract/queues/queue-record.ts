import type { OrganisationId, TenantId } from '../../kernel/ids.ts';

/** The queue that every tenant has. */
export const DEFAULT_QUEUE = 'default';

/** The cohort above all others. */
export const ROOT_COHORT = 'root';

/** Which jobs of the same queue a job may evict. */
export const WITHIN_QUEUE = ['never', 'lower_priority'] as const;

/** From which jobs a job may take back what they borrowed of its quota. */
export const RECLAIM = ['never', 'lower_priority', 'any'] as const;

/** Whether a queue starts jobs, and whether those that run are asked to leave. */
export const STOP_POLICIES = ['none', 'hold', 'hold_and_drain'] as const;

/** What a queue or a cohort has of one resource, in thousandths of an accelerator or of a core. */
export interface QuotaTerms {
  readonly nominalMilli: number;
  /** The most that it may use of what others leave; null when all. */
  readonly borrowingMaxMilli: number | null;
  /** The most of its own that others may use; null when all. */
  readonly lendingMaxMilli: number | null;
}

/** By resource: `cpu` or a type of accelerator. */
export type QuotaTable = Readonly<Record<string, QuotaTerms>>;

/** What its tenant says of a queue. Plain data. */
export interface QueueSettings {
  readonly weight: number;
  readonly quotas: QuotaTable;
  /** A job has a priority within these. */
  readonly priorityMin: number;
  readonly priorityMax: number;
  readonly withinQueue: (typeof WITHIN_QUEUE)[number];
  readonly reclaim: (typeof RECLAIM)[number];
  readonly stop: (typeof STOP_POLICIES)[number];
  /** How its jobs take turns; null, or absent in records of earlier versions: they do not. */
  readonly timeSlice?: TimeSliceSettings | null;
}

/** How jobs of a queue take turns. */
export interface TimeSliceSettings {
  readonly roundS: number;
  /** What starting on other nodes costs a job. */
  readonly moveS: number;
}

/** A queue of a tenant. Plain data: it crosses RPC and is stored as one row. */
export interface QueueRecord {
  readonly name: string;
  /** Null: it was always there. */
  readonly createdAtMs: number | null;
  readonly settings: QueueSettings;
}

/** What an operator says of a cohort. */
export interface CohortSettings {
  /** Null of the root alone. */
  readonly parent: string | null;
  readonly weight: number;
  readonly quotas: QuotaTable;
}

/** A cohort of tenants. Plain data: it crosses RPC and is stored as one row. */
export interface CohortRecord {
  readonly name: string;
  readonly createdAtMs: number | null;
  readonly settings: CohortSettings;
  /** It is the tenant's own: what it has is for the queues of the tenant, which may divide it. Null: it is no tenant's. */
  readonly tenantId: TenantId | null;
  /** The tenants of the organisation that have no cohort of their own are in it. Null: none are for that reason. */
  readonly organisationId: OrganisationId | null;
}
