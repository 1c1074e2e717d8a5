import type { IndexManifest } from '../../index/index-manifest.ts';
import { incarnationOf } from '../../index/index-manifest.ts';
import type { ErrorCode } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import { err, ok } from '../../kernel/result.ts';
import { mayTouch } from '../tenancy/authority.ts';
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
 * `scope_denied` where the caller's key may not touch the index that an alias stands for. Work that was refused midway, having applied
 * something, is done again on the same index alone.
 */
export async function onIndex<T>(
  manifests: ManifestCache,
  user: IndexUser,
  index: IndexRef,
  work: (manifest: IndexManifest) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const [name, pinned] = typeof index === 'string' ? [index, undefined] : [index.name, index.incarnation];
  let begun: { readonly incarnation: string; readonly applied: number } | undefined;
  const outcome = await manifests.using(user.tenantId, name, async (manifest) => {
    const incarnation = incarnationOf(manifest);
    if ((begun?.incarnation ?? pinned ?? incarnation) !== incarnation) return replaced(name);
    const touched = mayTouchIndex(user, manifest);
    if (!touched.ok) return touched;
    const done = await work(manifest);
    if (!done.ok && done.error.applied !== undefined) begun = { incarnation, applied: done.error.applied };
    return done;
  });
  return outcome.ok || begun === undefined ? outcome : err({ applied: begun.applied, ...outcome.error });
}

/** How often the name may have got another index before the first step of some work. */
const PINS_MAX = 3;

/**
 * Does work of several steps on one index: none of the steps goes to a later index of its name. A cached manifest may be of an index that
 * was deleted before the call came; so, until something is applied, the work restarts with the index that has the name now.
 */
export async function onOneIndex<T>(
  manifests: ManifestCache,
  user: IndexUser,
  index: IndexRef,
  work: (pin: PinnedIndex) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  if (typeof index !== 'string') return work(index);
  let pin = await onIndex(manifests, user, index, async (manifest) => ok(pinnedTo(manifest)));
  for (let pins = 1; ; pins += 1) {
    if (!pin.ok) return pin;
    const done = await work(pin.value);
    if (done.ok || done.error.applied !== undefined || !IS_GONE.has(done.error.code) || pins === PINS_MAX) return done;
    const now = await manifests.current(user.tenantId, index);
    if (!now.ok || incarnationOf(now.value) === pin.value.incarnation) return done;
    pin = ok(pinnedTo(now.value));
  }
}

/** What a pinned index that was deleted is refused with. */
const IS_GONE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['state_conflict', 'index_not_found']);

export const mayTouchIndex = (user: IndexUser, { name }: Pick<IndexManifest, 'name'>): Outcome<null> =>
  mayTouch(user, { named: [`index/${name}`] });

const replaced = (name: string) =>
  refuse('state_conflict', `the index named "${name}" was deleted, and another index has its name now`, 'index');
