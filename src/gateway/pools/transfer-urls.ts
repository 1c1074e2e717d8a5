import { FILE_LIMITS } from '../../contract/files/file-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { TransferRequest } from '../../contract/pools/transfers.ts';
import { fromBase64Url, toBase64Url, utf8 } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Hmac } from '../../kernel/hmac.ts';
import { constantTimeEqual } from '../../kernel/hmac.ts';
import type { FileId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { AttemptFiles, AttemptHold } from './attempt-files.ts';
import type { Pools } from './pool-calls.ts';

/** One file of one attempt, in one direction. */
export type Transfer = AttemptHold & Pick<TransferRequest, 'artifact' | 'index' | 'method' | 'sha256'>;

export interface SignedTransfer {
  /** Absolute, or relative to the address of the gateway. */
  readonly url: string;
  readonly sha256: string | null;
  readonly expiresAtMs: number;
}

/** The store's own URLs, where the deployment has keys for them. */
export interface StoreUrls {
  /** A URL that reads a file for so many seconds; undefined where the file is not there. */
  read(tenantId: TenantId, id: FileId, lifeS: number): Promise<string | undefined>;
}

interface TransferParts {
  readonly attempts: Pick<AttemptFiles<unknown>, 'describe'>;
  readonly pools: Pools;
  readonly storeUrls: StoreUrls | undefined;
  readonly hmac: Hmac;
  readonly clock: Clock;
}

/**
 * Signed URLs for the files of attempts. What an attempt reads comes from the store itself, where the deployment has keys for that. What it writes
 * comes through the gateway in any case: that checks the digest, the fence, and the tenant's right to store at the moment of the write. [P91]
 */
export class TransferUrls {
  readonly #parts: TransferParts;

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  /** Refuses with `stale_fence`, or with `file_not_found` for what cannot be read. */
  async sign(hold: AttemptHold, { artifact, index, method, sha256 }: TransferRequest): Promise<Outcome<SignedTransfer>> {
    const { attempts, pools, storeUrls, clock } = this.#parts;
    const expiresAtMs = clock.nowMs() + FILE_LIMITS.transferUrlLifeMs;
    const transfer: Transfer = { ...hold, artifact, index, method, ...(sha256 === undefined ? {} : { sha256 }) };
    if (method === 'PUT') {
      const held = await pools(hold.poolId, hold.partition).held(hold.attemptId, hold.fence);
      return held.ok ? ok({ url: await this.#urlOf(transfer, expiresAtMs), sha256: null, expiresAtMs }) : held;
    }
    const found = await attempts.describe(hold, artifact, index);
    if (!found.ok) return found;
    const { tenantId, file } = found.value;
    const direct = await storeUrls?.read(tenantId, file.id, FILE_LIMITS.transferUrlLifeMs / 1_000);
    return ok({ url: direct ?? (await this.#urlOf(transfer, expiresAtMs)), sha256: file.sha256 ?? null, expiresAtMs });
  }

  /** What a URL of the gateway is good for. Refuses with `scope_denied` what was not signed here, has expired, or was signed for another method. */
  async open(token: string, method: 'GET' | 'PUT'): Promise<Outcome<Transfer>> {
    const [payload = '', mac = ''] = token.split('.');
    if (!constantTimeEqual(mac, await this.#macOf(payload))) return refuse('scope_denied', 'the URL was not signed here', 'token');
    const text = new TextDecoder().decode(fromBase64Url(payload));
    const { expiresAtMs, ...transfer } = JSON.parse(text) as Transfer & { readonly expiresAtMs: number };
    if (this.#parts.clock.nowMs() >= expiresAtMs) return refuse('scope_denied', 'the URL has expired: ask for another', 'token');
    return transfer.method === method ? ok(transfer) : refuse('scope_denied', `the URL was signed for ${transfer.method}`, 'token');
  }

  async #urlOf(transfer: Transfer, expiresAtMs: number): Promise<string> {
    const payload = toBase64Url(utf8(JSON.stringify({ ...transfer, expiresAtMs })));
    return `v1/transfers/${payload}.${await this.#macOf(payload)}`;
  }

  /** Of this purpose alone: the same key signs other things. */
  async #macOf(payload: string): Promise<string> {
    return toBase64Url(await this.#parts.hmac.bytes(JSON.stringify(['transfer', payload])));
  }
}
