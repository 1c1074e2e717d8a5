import type { PoolId, TenantId } from '../../kernel/ids.ts';

/** Accelerators or cores that are a queue's own for some time. Plain data: it crosses RPC and is stored as one row. */
export interface ReservationRecord {
  /** Its id. */
  readonly name: string;
  readonly tenantId: TenantId;
  readonly queue: string;
  /** A type of accelerator, or `cpu`. */
  readonly resource: string;
  readonly amountMilli: number;
  /** The machines that have it; absent: any, and also others use them. */
  readonly nodes?: ReservedNodes;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Granted by an operator; else by the tenant, of what it has. */
  readonly isGranted: boolean;
  readonly createdAtMs: number;
}

/** Machines that take jobs of the queue alone for that time. */
export interface ReservedNodes {
  /** The pool of which so many are reserved; or in which the named ones are, where that was said. */
  readonly poolId: PoolId | null;
  readonly count: number;
  readonly isNamed: boolean;
  readonly ids: readonly string[];
  /** What they had besides cores, by type, when they were reserved. */
  readonly acceleratorsMilli: Readonly<Record<string, number>>;
}

/** What a reservation is of, by resource. */
export const amountsOf = ({ resource, amountMilli, nodes }: ReservationRecord): readonly (readonly [string, number])[] => [
  [resource, amountMilli],
  ...Object.entries(nodes?.acceleratorsMilli ?? {}),
];

/** Whether a reservation counts at that time. */
export const isActive = ({ fromMs, untilMs }: ReservationRecord, nowMs: number): boolean => fromMs <= nowMs && nowMs < untilMs;
