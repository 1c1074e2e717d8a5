import type { LineFault } from '../../contract/jobs/attempt-report.ts';
import type { BatchStatus, CALL_ENDPOINTS } from '../../contract/jobs/batches.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { FileId } from '../../kernel/ids.ts';
import { base32 } from '../../kernel/ids.ts';

/** What lines of a batch may call. */
export type BatchEndpoint = (typeof CALL_ENDPOINTS)[number];

export interface BatchTokens {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly reasoning: number;
}

export const NO_TOKENS: BatchTokens = { input: 0, cached: 0, output: 0, reasoning: 0 };

/** A batch whose lines are calls of upstreams. Times in ms; null: that has not come. */
export interface CallBatch {
  readonly id: string;
  /** Whose calls they are: its money, its limits, its log. */
  readonly principal: TenantPrincipal;
  readonly endpoint: BatchEndpoint;
  /** Of the first line; empty: it is not known. */
  readonly model: string;
  readonly inputFile: FileId;
  /** The ids of the files that it makes. */
  readonly outputFile: FileId;
  readonly errorFile: FileId;
  readonly completionWindow: string;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly outputLifeMs: number | null;
  readonly status: BatchStatus;
  readonly faults: readonly LineFault[] | null;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly inProgressAtMs: number | null;
  readonly finalizingAtMs: number | null;
  readonly cancellingAtMs: number | null;
  /** With `completed`, `failed`, `expired` or `cancelled`. */
  readonly endedAtMs: number | null;
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
  /** Of those that failed: not called, as the batch was cancelled or expired before. Absent: none. */
  readonly unanswered?: number;
  readonly tokens: BatchTokens;
}

/** A line that is to be called. */
export interface BatchLine {
  readonly number: number;
  readonly customId: string;
  /** JSON. */
  readonly body: string;
  /** How often it was refused for now. */
  readonly tries: number;
}

/** What became of a line. */
export interface LineAnswer {
  readonly status: number;
  readonly requestId: string;
  /** JSON. */
  readonly body: string;
  readonly tokens: BatchTokens;
  /** Whether it may be answered later. */
  readonly isForNow: boolean;
}

const ENDED: ReadonlySet<BatchStatus> = new Set(['completed', 'failed', 'expired', 'cancelled']);

export const hasEnded = ({ status }: Pick<CallBatch, 'status'>): boolean => ENDED.has(status);

/** As those of jobs, which are embeddings. */
export const callBatchId = (bytes: Uint8Array): string => `batch_${base32(bytes)}`;
