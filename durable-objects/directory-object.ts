import { DurableObject } from 'cloudflare:workers';

import { INDEX_LIMITS } from '../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { OrganisationId } from '../src/kernel/ids.ts';
import type { Organisation } from '../src/tenancy/organisation.ts';
import type { PageOf } from '../src/kernel/page.ts';
import { SqliteDocumentStore } from '../src/tenancy/document-store.ts';
import { isSigned } from '../src/tenancy/resource-ids.ts';
import { systemClock } from './system-time.ts';

interface Bodies extends Record<string, object> {
  organisation: Organisation;
}

/** The list of organisations, for the admin. Only one exists; no request of a tenant passes through it. */
export class DirectoryObject extends DurableObject {
  readonly #documents = new SqliteDocumentStore<Bodies>(this.ctx.storage, systemClock);

  /** Adding an organisation again changes nothing. */
  add(organisation: Organisation, digest: string): Outcome<Organisation> {
    // Names of organisations need not be unique.
    const document = { id: organisation.id, parent: '', name: organisation.id, digest, body: organisation };
    return this.#documents.transaction(() => this.#documents.insert('organisation', document, 'organisationsMaxCount'));
  }

  page(limit: number, after: string | undefined): PageOf<Organisation> {
    return this.#documents.page('organisation', '', limit, after);
  }

  has(id: OrganisationId): boolean {
    return this.#documents.find('organisation', id) !== undefined;
  }

  /** Writes as much as a small write with its journal takes, so that its caller finds out whether there is room. */
  probe(): void {
    this.ctx.storage.kv.put('probe', new Uint8Array(INDEX_LIMITS.storageProbeBytes));
  }

  /** All organisations whose ids were made before ids were signed. */
  unsigned(): OrganisationId[] {
    return (this.#documents.idsOf('organisation', '') as OrganisationId[]).filter((id) => !isSigned(id));
  }
}
