import { REQUEST_LOG_LIMITS } from '../../contract/requests/request-log-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { FileId, TenantId } from '../../kernel/ids.ts';
import { base32 } from '../../kernel/ids.ts';
import type { Remote } from '../../kernel/remote.ts';
import { ok } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import type { Feedback } from '../../upstreams/log/log-entry.ts';
import type { LogFilter } from '../../upstreams/log/log-filter.ts';
import type { LogPolicy } from '../../upstreams/log/log-policy.ts';
import type { LogGroup, LogLine } from '../../upstreams/log/log-sums.ts';
import type { LogPage, RecordPage, RequestRecord, SqliteRequestLog } from '../../upstreams/log/request-log-store.ts';
import type { Acting } from '../tenancy/authority.ts';
import { BoundedContent } from '../files/bounded-content.ts';
import type { ContentSink, StoredFile } from '../files/file-store.ts';
import type { FileWriter } from '../files/file-writer.ts';
import type { RequestLogSink } from './request-logging.ts';
import { DAY_MS } from '../../kernel/time-units.ts';
import { Composed } from '../api/composed.ts';

/** What of a tenant's log its object answers as the log does. */
export type LogReading = 'page' | 'records' | 'find' | 'addFeedback' | 'remove' | 'lines' | 'costs' | 'hours' | 'count' | 'erase';

/** The log of a tenant. */
export interface RequestLog extends RequestLogSink, Remote<Pick<SqliteRequestLog, LogReading>> {
  setPolicy(policy: LogPolicy): Promise<Outcome<LogPolicy>>;
}

interface RequestLogAdminParts {
  readonly logOf: (tenantId: TenantId) => RequestLog;
  /** Delivers what this isolate has gathered. */
  readonly flush: () => Promise<void>;
  readonly writer: Pick<FileWriter<never>, 'receive'>;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** What users do with the log of their requests. */
export class RequestLogAdmin extends Composed<RequestLogAdminParts> {
  async list(principal: TenantPrincipal, filter: LogFilter, count: number, before?: number): Promise<LogPage> {
    return (await this.#log(principal)).page(visibleTo(principal, filter), count, before);
  }

  async find(principal: TenantPrincipal, id: string): Promise<Outcome<RequestRecord>> {
    const { records } = await (await this.#log(principal)).records(visibleTo(principal, { id }), 1, undefined);
    return records[0] === undefined ? absent(id) : ok(records[0]);
  }

  /** Removes all requests of an id. */
  async removeOne(acting: Acting, id: string): Promise<Outcome<number>> {
    const removed = await this.remove(acting, { id });
    return removed.ok && removed.value === 0 ? absent(id) : removed;
  }

  /** Removes what a filter finds, portion by portion, each under a lease of its own. */
  async remove({ principal, authority }: Acting, filter: LogFilter): Promise<Outcome<number>> {
    const log = await this.#log(principal);
    let count = 0;
    for (let before: number | undefined = Number.MAX_SAFE_INTEGER; before !== undefined;) {
      const lasting = await authority.lease();
      if (!lasting.ok) return lasting;
      const removed: { readonly count: number; readonly before?: number } = await log.remove(visibleTo(principal, filter), before);
      count += removed.count;
      before = removed.before;
    }
    return ok(count);
  }

  async addFeedback(principal: TenantPrincipal, id: string, feedback: Omit<Feedback, 'keyId' | 'atMs'>): Promise<Outcome<Feedback>> {
    const log = await this.#log(principal);
    const { keyId, resources } = principal;
    const record = await log.find(id);
    if (record === undefined || (resources !== undefined && record.entry.keyId !== keyId)) return absent(id);
    return (await log.addFeedback(id, { ...feedback, keyId, atMs: this.parts.clock.nowMs() })) ?? absent(id);
  }

  async stats(principal: TenantPrincipal, by: LogGroup, fromMs?: number, toMs = this.parts.clock.nowMs()): Promise<Outcome<LogLine[]>> {
    if (principal.resources !== undefined) return RESTRICTED;
    return ok(await (await this.#log(principal)).lines(by, fromMs ?? toMs - DAY_MS, toMs, REQUEST_LOG_LIMITS.requestStatsGroupsMaxCount));
  }

  policy({ tenantId }: TenantPrincipal): Promise<LogPolicy> {
    return this.parts.logOf(tenantId).policy();
  }

  /** Requests that were answered before are kept by the policy of then. */
  async setPolicy(principal: TenantPrincipal, policy: LogPolicy): Promise<Outcome<LogPolicy>> {
    return (await this.#log(principal)).setPolicy(policy);
  }

  /** Writes what a filter finds into a file of the tenant, a line each, made by `lineOf`. */
  async export(
    { principal, authority }: Acting,
    filter: LogFilter,
    filename: string,
    lineOf: (record: RequestRecord) => string,
  ): Promise<Outcome<StoredFile>> {
    const { writer, rng, clock } = this.parts;
    const log = await this.#log(principal);
    const id = `file_${base32(rng.bytes(26))}` as FileId;
    return writer.receive(principal.tenantId, authority, id, async (content) => {
      const written = await writeLines(log, visibleTo(principal, filter), lineOf, new BoundedContent(content, EXPORT_BOUND));
      if (!written.ok) return written;
      const { sha256 } = await content.finish();
      const { owner } = principal;
      return ok({ id, filename, purpose: 'user_data', owner, digest: '', createdAtMs: clock.nowMs(), expiresAtMs: null, sha256 });
    });
  }

  /** With the requests that this isolate still holds: users look for the request that they have just made. */
  async #log({ tenantId }: TenantPrincipal): Promise<RequestLog> {
    await this.parts.flush();
    return this.parts.logOf(tenantId);
  }
}

async function writeLines(
  log: RequestLog,
  filter: LogFilter,
  lineOf: (record: RequestRecord) => string,
  content: ContentSink,
): Promise<Outcome<null>> {
  const encoder = new TextEncoder();
  for (let before: number | undefined = Number.MAX_SAFE_INTEGER; before !== undefined;) {
    const page: RecordPage = await log.records(filter, RECORDS_A_PAGE, before);
    const written = await content.write(encoder.encode(page.records.map((record) => `${lineOf(record)}\n`).join('')));
    if (!written.ok) return written;
    before = page.before;
  }
  return ok(null);
}

/** A key that is restricted to some resources may know of its own requests only. [U138] */
const visibleTo = ({ resources, keyId }: TenantPrincipal, filter: LogFilter): LogFilter =>
  resources === undefined ? filter : { ...filter, ownerKeyId: keyId };

const RESTRICTED = refuse('scope_denied', 'the key is restricted to some resources, and these numbers are of all: use another key');

const absent = (id: string) => refuse('request_not_found', `no request "${id}" is kept: see GET /v1/requests/policy`);

/** With bodies of 128 KiB each, below the 32 MiB that one message carries. */
const RECORDS_A_PAGE = 100;

const EXPORT_BOUND = { path: 'filename', limit: 'fileBytesMax', advice: 'export a part of the time' } as const;
