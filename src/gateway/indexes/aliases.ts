import type { AliasAction, AliasPage } from '../../index/aliases.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { Acting } from '../tenancy/authority.ts';
import type { IndexUser } from './index-ref.ts';
import { mayTouchIndex } from './index-ref.ts';
import type { IndexDirectory } from './index-directory.ts';
import { Composed } from '../api/composed.ts';

interface AliasesParts {
  readonly directory: IndexDirectory;
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * Names that stand for indexes. Gateways cache what a name stood for, for `indexManifestTtlMs` at most; so a change is answered once no
 * cache can hold the previous state: every later call uses the new one.
 */
export class Aliases extends Composed<AliasesParts> {
  /** All or none. Refuses with `index_not_found`, `alias_not_found`, `already_exists` or `limit_exceeded`. */
  async change({ principal, authority }: Acting, actions: readonly AliasAction[]): Promise<Outcome<null>> {
    const changed = await this.parts.directory.changeAliases(principal.tenantId, actions, authority);
    if (!changed.ok) return changed;
    // Even when nothing changed: a repetition of a change that was never answered must not be answered sooner.
    await this.parts.sleep(VECTOR_LIMITS.indexManifestTtlMs + VECTOR_LIMITS.indexManifestGuardMs);
    return ok(null);
  }

  /** By name, those of an index or of all. Refuses with `index_not_found`. */
  async list(user: IndexUser, index: string | undefined, after: string | undefined, limit: number): Promise<Outcome<AliasPage>> {
    const { directory } = this.parts;
    const { tenantId } = user;
    if (index === undefined) return directory.listAliases(tenantId, undefined, after, limit);
    const described = await directory.describe(tenantId, index);
    const touched = described.ok ? mayTouchIndex(user, described.value) : described;
    if (!touched.ok) return touched;
    return described.ok ? directory.listAliases(tenantId, described.value.name, after, limit) : described;
  }
}
