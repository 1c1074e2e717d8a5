import type { Meter } from '../../src/contract/meter.ts';
import type { UsageEvent } from '../../src/contract/usage-event.ts';
import { idsOf } from './tenancy.ts';

/** Synthetic usage of one organisation over part of a month: the same numbers make the same events. */
export interface MonthPlan {
  readonly eventCount: number;
  readonly batchCount: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What the bench asks for over HTTP: a run of batches to record, or the invoice of the month. */
export type MonthTask =
  | { readonly kind: 'record'; readonly plan: MonthPlan; readonly from: number; readonly to: number; readonly again: number }
  | { readonly kind: 'invoice'; readonly period: string };

export interface MonthResult {
  readonly recorded: number;
  readonly duplicates: number;
  readonly isExact: boolean;
  readonly events: number;
  readonly lines: number;
  readonly totalNano: string;
  /** By meter. */
  readonly quantities: Readonly<Record<string, string>>;
}

export const ORGANISATION = idsOf(1).organisationId;

export const ISOLATES = 64;
const TENANTS = 20;
const MODELS = ['glove-sif-100', 'glove-sif-100-onnx', null] as const;
const METERS: readonly Meter[] = [
  'requests',
  'embedding_tokens',
  'embedding_cached_tokens',
  'vectors_written',
  'vector_queries',
  'accelerator_ms',
];
const ROUTES = ['/v1/embeddings', '/v1/indexes/:index/query', '/v1/indexes/:index/upsert', '/v1/jobs'];

const tenants = Array.from({ length: TENANTS }, (_, number) => idsOf(number + 1));

/** The events of one batch, as one isolate delivers them: in order of time over the batches. */
export function batchOf(plan: MonthPlan, batch: number): UsageEvent[] {
  const perBatch = plan.eventCount / plan.batchCount;
  return Array.from({ length: perBatch }, (_, offset) => eventOf(plan, batch * perBatch + offset, batch, offset));
}

function eventOf({ eventCount, fromMs, toMs }: MonthPlan, number: number, batch: number, offset: number): UsageEvent {
  const perIsolate = Math.floor(batch / ISOLATES);
  // Spread by a multiplier that is prime to everything here.
  const mixed = (number * 2_654_435_761) % 4_294_967_296;
  const { tenantId, projectId, id: keyId } = tenants[mixed % TENANTS]!;
  const meter = METERS[(mixed >>> 8) % METERS.length]!;
  return {
    // As many numbers a batch as it has events, one run after the other.
    id: `isolate-${batch % ISOLATES}:${perIsolate * 1_000 + offset}`,
    organisationId: ORGANISATION,
    tenantId,
    projectId,
    keyId,
    meter,
    quantity: 1 + (mixed % 997),
    model: MODELS[(mixed >>> 16) % MODELS.length]!,
    ...(meter === 'accelerator_ms' && mixed % 2 === 0 ? { accelerator: 'h100' } : {}),
    route: ROUTES[(mixed >>> 20) % ROUTES.length]!,
    atMs: fromMs + Math.floor(((toMs - fromMs) * number) / eventCount),
  };
}
