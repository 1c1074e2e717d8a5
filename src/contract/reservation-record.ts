import type { TenantId } from '../kernel/ids.ts';

/** Accelerators or cores that are a queue's own for some time. Plain data: it crosses RPC and is stored as one row. */
export interface ReservationRecord {
  /** Its id. */
  readonly name: string;
  readonly tenantId: TenantId;
  readonly queue: string;
  /** A type of accelerator, or `cpu`. */
  readonly resource: string;
  readonly amountMilli: number;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Granted by an operator; else by the tenant, of what it has. */
  readonly isGranted: boolean;
  readonly createdAtMs: number;
}

/** Whether a reservation counts at that time. */
export const isActive = ({ fromMs, untilMs }: ReservationRecord, nowMs: number): boolean => fromMs <= nowMs && nowMs < untilMs;
