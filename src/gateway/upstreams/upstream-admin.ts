import type { Outcome } from '../../contract/outcome.ts';
import type { Principal } from '../../contract/principal.ts';
import { ok } from '../../kernel/result.ts';
import type { PageOf } from '../../tenancy/document-store.ts';
import type { UpstreamOwner, UpstreamRecord } from '../../upstreams/upstream-record.ts';
import { PLATFORM } from '../../upstreams/upstream-record.ts';

/** The upstreams of one owner, wherever they are stored: see `UpstreamObject`. */
export interface UpstreamCalls {
  page(after: string, count: number): Promise<readonly UpstreamRecord[]>;
}

interface UpstreamAdminParts {
  readonly upstreams: (owner: UpstreamOwner) => UpstreamCalls;
}

/** The upstreams that a caller owns: a tenant its own, the admin those of the platform. */
export class UpstreamAdmin {
  readonly #parts: UpstreamAdminParts;

  constructor(parts: UpstreamAdminParts) {
    this.#parts = parts;
  }

  async list(principal: Principal, limit: number, after = ''): Promise<Outcome<PageOf<UpstreamRecord>>> {
    const found = await this.#parts.upstreams(ownerOf(principal)).page(after, limit + 1);
    return ok({ items: found.slice(0, limit), hasMore: found.length > limit });
  }
}

const ownerOf = (principal: Principal): UpstreamOwner => (principal.kind === 'tenant' ? principal.tenantId : PLATFORM);
