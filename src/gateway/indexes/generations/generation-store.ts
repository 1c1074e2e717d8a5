import type { GenerationCall, Generations } from '../../../index/generations/generation-state.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import type { TenantId } from '../../../kernel/ids.ts';
import type { Authority } from '../../../contract/tenancy/write-lease.ts';

/** The object of an index, as far as its generations go. */
export interface GenerationStore {
  /**
   * Refuses with `index_not_found` or `unavailable`; a change as `transition` does; a beginning with `state_conflict` when there is another
   * generation already, or with `idempotency_mismatch`. Repeating `open` or `erase` changes nothing. Null: a read, or work of Sluice itself.
   */
  call(tenantId: TenantId, name: string, call: GenerationCall, authority: Authority | null): Promise<Outcome<Generations>>;
}
