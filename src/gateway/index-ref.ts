import type { IndexManifest } from '../ann/index-manifest.ts';
import { incarnationOf } from '../ann/index-manifest.ts';
import type { Outcome } from '../contract/outcome.ts';
import { refuse } from '../contract/outcome.ts';
import type { TenantPrincipal } from '../contract/principal.ts';
import { mayTouch } from './authority.ts';
import type { ManifestCache } from './manifest-cache.ts';

/** The index that a longer piece of work began with: never another one that has its name by then. */
export interface PinnedIndex {
  readonly name: string;
  readonly incarnation: string;
}

/** An index by whatever name it has now, or that very index. */
export type IndexRef = string | PinnedIndex;

/** Whose indexes they are, and which of them may be touched; no `resources`: all. */
export type IndexUser = Pick<TenantPrincipal, 'tenantId' | 'resources'>;

/** By its own name: an alias may be given to another index. */
export const pinnedTo = (manifest: IndexManifest): PinnedIndex => ({ name: manifest.name, incarnation: incarnationOf(manifest) });

/**
 * Does `work` on an index for a caller. Refuses with `state_conflict` where the pinned index is no longer the one of its name, and with
 * `scope_denied` where the caller's key may not touch the index that an alias stands for.
 */
export function onIndex<T>(
  manifests: ManifestCache,
  user: IndexUser,
  index: IndexRef,
  work: (manifest: IndexManifest) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const [name, incarnation] = typeof index === 'string' ? [index, undefined] : [index.name, index.incarnation];
  return manifests.using(user.tenantId, name, async (manifest) => {
    if (incarnation !== undefined && incarnationOf(manifest) !== incarnation) return replaced(name);
    const touched = mayTouchIndex(user, manifest);
    return touched.ok ? work(manifest) : touched;
  });
}

export const mayTouchIndex = (user: IndexUser, { name }: Pick<IndexManifest, 'name'>): Outcome<null> =>
  mayTouch(user, { named: [`index/${name}`] });

const replaced = (name: string) =>
  refuse('state_conflict', `the index named "${name}" was deleted, and another one has its name by now`, 'index');
