import { HOUR_MS } from '../../kernel/time-units.ts';
import type { CreateBatch } from '../../contract/jobs/batches.ts';
import { hoursOf } from '../../contract/jobs/batches.ts';
import { refusalAt } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Hmac } from '../../kernel/hmac.ts';
import { base32 } from '../../kernel/ids.ts';
import type { FileId, TenantId } from '../../kernel/ids.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import type { BatchEndpoint, CallBatch } from '../../upstreams/batches/call-batch.ts';
import { callBatchId, NO_TOKENS } from '../../upstreams/batches/call-batch.ts';
import { Composed } from '../api/composed.ts';
import type { FileCatalogue } from '../files/file-catalogue.ts';
import type { Acting } from '../tenancy/authority.ts';
import { entropyFor } from '../tenancy/entropy.ts';
import { requestDigest } from '../tenancy/subject.ts';

/** The batches of calls of one tenant, wherever they are: see `CallBatchObject`. */
export interface CallBatchCalls {
  create(batch: CallBatch, digest: string): Promise<Outcome<CallBatch>>;
  find(id: string): Promise<CallBatch | undefined>;
  page(limit: number, after: string | undefined): Promise<{ readonly items: readonly CallBatch[]; readonly hasMore: boolean }>;
  /** Answers the batch as it is then; undefined: there is none. */
  cancel(id: string, nowMs: number): Promise<CallBatch | undefined>;
  count(): Promise<number>;
  erase(): Promise<void>;
}

interface CallBatchesParts {
  readonly batchesOf: (tenant: TenantId) => CallBatchCalls;
  readonly files: Pick<FileCatalogue<unknown>, 'find'>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly hmac: Hmac;
}

/** Batches whose lines are calls of upstreams, made as direct calls are. [J270] */
export class CallBatches extends Composed<CallBatchesParts> {
  /** Refuses with `file_not_found`, and with `limit_exceeded` beyond `callBatchesMaxCount`. */
  async create(
    { principal, authority }: Acting,
    endpoint: BatchEndpoint,
    body: CreateBatch,
    idempotencyKey: string | undefined,
  ): Promise<Outcome<CallBatch>> {
    const { files, clock, rng, hmac, batchesOf } = this.parts;
    const { tenantId } = principal;
    const input = await files.find(tenantId, body.input_file_id as FileId);
    if (!input.ok) return err(refusalAt(input.error, ['input_file_id']));
    if (input.value.purpose !== 'batch') {
      return refuse('invalid_value', `has the purpose ${input.value.purpose}: upload the file with the purpose batch`, 'input_file_id');
    }
    const entropy = entropyFor(rng, hmac, `${tenantId}/batches`, idempotencyKey);
    const fileOf = async (what: string): Promise<FileId> => `file_${base32(await entropy.bytes(what, 26))}` as FileId;
    const nowMs = clock.nowMs();
    const { output_expires_after: expiry } = body;
    const batch: CallBatch = {
      id: callBatchId(await entropy.bytes('id', 26)),
      principal,
      endpoint,
      model: '',
      inputFile: body.input_file_id as FileId,
      outputFile: await fileOf('output'),
      errorFile: await fileOf('errors'),
      completionWindow: body.completion_window,
      metadata: body.metadata ?? null,
      outputLifeMs: expiry === undefined ? null : expiry.seconds * 1_000,
      status: 'validating',
      faults: null,
      createdAtMs: nowMs,
      expiresAtMs: nowMs + hoursOf(body.completion_window) * HOUR_MS,
      inProgressAtMs: null,
      finalizingAtMs: null,
      cancellingAtMs: null,
      endedAtMs: null,
      total: 0,
      completed: 0,
      failed: 0,
      tokens: NO_TOKENS,
    };
    const digest = await requestDigest(principal, 'batch.create', body);
    const lasting = await authority.lease();
    return lasting.ok ? batchesOf(tenantId).create(batch, digest) : lasting;
  }

  /** Undefined: it is none of these. */
  find(tenantId: TenantId, id: string): Promise<CallBatch | undefined> {
    return this.parts.batchesOf(tenantId).find(id);
  }

  /** Undefined: it is none of these. Refuses one that has ended otherwise with `state_conflict`. */
  async cancel(tenantId: TenantId, id: string): Promise<Outcome<CallBatch> | undefined> {
    const batch = await this.parts.batchesOf(tenantId).cancel(id, this.parts.clock.nowMs());
    if (batch === undefined) return undefined;
    if (batch.status === 'cancelling' || batch.status === 'cancelled') return ok(batch);
    return refuse('state_conflict', `the batch is ${batch.status}: it cannot be cancelled any more`);
  }

  /** Newest first. */
  page(tenantId: TenantId, limit: number, after: string | undefined): ReturnType<CallBatchCalls['page']> {
    return this.parts.batchesOf(tenantId).page(limit, after);
  }
}
