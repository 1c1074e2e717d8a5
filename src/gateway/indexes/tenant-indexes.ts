import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { IndexDirectory } from './index-directory.ts';

/** All indexes of a tenant together, as the erasure of the tenant needs them. */
export class TenantIndexes {
  readonly #directory: Pick<IndexDirectory, 'close' | 'remove' | 'taken'>;

  constructor(directory: Pick<IndexDirectory, 'close' | 'remove' | 'taken'>) {
    this.#directory = directory;
  }

  /** Erases what there is, and lets nothing come after it (T59). Refuses with `unavailable` what cannot be removed yet. */
  async eraseAll(tenantId: TenantId): Promise<Outcome<null>> {
    for (;;) {
      const names = await this.#directory.close(tenantId);
      if (!names.ok) return names;
      if (names.value.length === 0) return ok(null);
      const removed = await this.#remove(tenantId, names.value);
      if (!removed.ok) return removed;
      if (removed.value === 0) return refuse('unavailable', 'an index is still being created or deleted: repeat the erasure');
    }
  }

  /** How many of them were there. */
  async #remove(tenantId: TenantId, names: readonly string[]): Promise<Outcome<number>> {
    let count = 0;
    for (const name of names) {
      const removed = await this.#directory.remove(tenantId, name, null);
      if (removed.ok) count += 1;
      else if (removed.error.code !== 'index_not_found') return removed;
    }
    return ok(count);
  }

  /** How many there are, up to a page: including those that are not listed yet, or no longer. */
  async countAll(tenantId: TenantId): Promise<Outcome<number>> {
    const names = await this.#directory.taken(tenantId);
    return names.ok ? ok(names.value.length) : names;
  }
}
