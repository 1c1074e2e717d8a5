import { DurableObject } from 'cloudflare:workers';

import { SqliteUpstreamStore } from '../src/upstreams/store/sqlite-upstream-store.ts';
import type { UpstreamRecord } from '../src/upstreams/upstream-record.ts';

/** The upstreams of one owner: of a tenant, or of the platform. */
export class UpstreamObject extends DurableObject {
  readonly #store = new SqliteUpstreamStore(this.ctx.storage);

  page(after: string, count: number): readonly UpstreamRecord[] {
    return this.#store.page(after, count);
  }
}
