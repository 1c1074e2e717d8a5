import { DurableObject } from 'cloudflare:workers';

import type { UseAnswer, UseAsk } from '../src/tenancy/quota/shared-use.ts';
import { SqliteSharedUse } from '../src/tenancy/quota/sqlite-shared-use.ts';
import type { Slice } from '../src/tenancy/quota/window.ts';

/** What all isolates together use of one upstream that has limits: one object an upstream, apart from the one with its settings. [U61] */
export class UpstreamUseObject extends DurableObject {
  readonly #uses = new SqliteSharedUse(this.ctx.storage);

  begin(ask: UseAsk): UseAnswer {
    return this.#uses.begin(ask, Date.now());
  }

  /** The use is over; `unused` of what was granted to it. */
  end(id: string, unused: Slice | undefined): void {
    this.#uses.end(id, unused, Date.now());
  }
}
