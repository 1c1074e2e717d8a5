import type { Sha256 } from '../../cache/cache-key.ts';
import { inputDigest } from '../../cache/cache-key.ts';
import type { PurgeCount, PurgeRecord, PurgeSelection } from '../../cache/purge-predicate.ts';
import type { PurgeBody } from '../../contract/caches/cache.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import type { Principal } from '../../contract/api/principal.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { base32 } from '../../kernel/ids.ts';
import type { CacheOwnerId, PurgeId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import { organisationOf } from '../../tenancy/resource-ids.ts';
import { underAuthority } from '../../contract/tenancy/write-lease.ts';
import type { Acting } from '../tenancy/authority.ts';
import { mayTouchModels } from '../tenancy/authority.ts';
import type { ModelNames } from '../models/model-names.ts';
import type { PurgeLogs } from './purge-logs.ts';
import type { Organisations, OrganisationStore } from '../tenancy/organisation-store.ts';
import { actorOf, requestDigest, subjectOf } from '../tenancy/subject.ts';
import { Composed } from '../api/composed.ts';

interface CachePurgerParts {
  readonly logs: PurgeLogs;
  readonly organisations: Organisations;
  readonly models: Pick<ModelNames, 'meaningsOf'>;
  readonly sha256: Sha256;
  readonly rng: Rng;
}

/** Characters of a purge id after its prefix, 5 bits each: two never meet. */
const ID_CHARS = 26;

/** Purges what is cached for a tenant. Texts leave only their digests in the log. */
export class CachePurger extends Composed<CachePurgerParts> {
  /**
   * Answers once the purge holds everywhere, or at once when `fast`. Refuses with `model_not_found` a name that means nothing, with `scope_denied`,
   * `tenant_not_found`, `idempotency_mismatch` or `unavailable`.
   */
  async purge(
    { principal, authority }: Acting<Principal>,
    body: PurgeBody,
    idempotencyKey: string | undefined,
  ): Promise<Outcome<PurgeRecord>> {
    const subject = subjectOf(principal, body.tenant);
    if (!subject.ok) return subject;
    const selection = await this.#selectionOf(principal, subject.value, body);
    if (!selection.ok) return selection;
    const { mode, consistency } = body;
    const purgeId = await this.#idFor(subject.value, idempotencyKey);
    // The trail first: a purge that fails afterwards is noted in vain, one that is not noted must not happen.
    const noted = (store: OrganisationStore) => store.note(subject.value, 'cache.purge', actorOf(principal), purgeId);
    const owners = await this.#cachesOf(subject.value, noted);
    if (!owners.ok) return owners;
    // By the name that was said: an alias may stand for another model when the request is repeated.
    const { models: _, ...said } = { ...selection.value, model: body.model, modelVersion: body.model_version };
    const bodyDigest = await requestDigest(principal, 'cache.purge', [said, mode, consistency]);
    const command = { purgeId, tenantId: subject.value, bodyDigest, selection: selection.value, mode, consistency };
    return together(
      await Promise.all(
        owners.value.map((owner) => underAuthority(authority, (lease) => this.parts.logs.purge({ ...command, owner }, lease))),
      ),
    );
  }

  /** What a purge would find. Refuses as `purge` does, and leaves no trace. */
  async count(principal: Principal, body: PurgeBody): Promise<Outcome<PurgeCount>> {
    const subject = subjectOf(principal, body.tenant);
    if (!subject.ok) return subject;
    const selection = await this.#selectionOf(principal, subject.value, body);
    if (!selection.ok) return selection;
    const owners = await this.#cachesOf(subject.value, (store) => store.tenant(subject.value));
    if (!owners.ok) return owners;
    let [entries, bytes] = [0, 0];
    for (const counted of await Promise.all(owners.value.map((owner) => this.parts.logs.count(owner, selection.value)))) {
      if (!counted.ok) return counted;
      entries += counted.value.entries;
      bytes += counted.value.bytes;
    }
    return ok({ entries, bytes });
  }

  /** Takes what a tenant brought into its own cache, and into the one that it shares with others. */
  async eraseTenant(tenantId: TenantId): Promise<Outcome<null>> {
    const owners = await this.#cachesOf(tenantId, (store) => store.tenant(tenantId));
    if (!owners.ok) return owners;
    const erased = await Promise.all(owners.value.map((owner) => this.parts.logs.eraseTenant(owner, tenantId)));
    return erased.find((outcome) => !outcome.ok) ?? ok(null);
  }

  /** How many entries there are of a tenant: what others brought into a shared cache is theirs. */
  async left(tenantId: TenantId): Promise<Outcome<number>> {
    const owners = await this.#cachesOf(tenantId, (store) => store.tenant(tenantId));
    if (!owners.ok) return owners;
    let entries = 0;
    for (const left of await Promise.all(owners.value.map((owner) => this.parts.logs.left(owner, tenantId)))) {
      if (!left.ok) return left;
      entries += left.value;
    }
    return ok(entries);
  }

  async find(principal: Principal, named: TenantId | undefined, purgeId: PurgeId): Promise<Outcome<PurgeRecord>> {
    const subject = subjectOf(principal, named);
    if (!subject.ok) return subject;
    const owners = await this.#cachesOf(subject.value, (store) => store.tenant(subject.value));
    if (!owners.ok) return owners;
    // The tenant's own log identifies the purges of the tenant: that of a shared cache has those of others, too.
    const own = await this.parts.logs.find(subject.value, purgeId);
    if (!own.ok) return own;
    const others = await Promise.all(owners.value.slice(1).map((owner) => this.parts.logs.find(owner, purgeId)));
    // A cache that came to be shared later has no such purge.
    return together([own, ...others.filter((other) => other.ok || other.error.code !== 'purge_not_found')]);
  }

  /** The caches that may hold what is a tenant's, its own first. */
  async #cachesOf(tenantId: TenantId, check: (store: OrganisationStore) => Promise<Outcome<unknown>>): Promise<Outcome<CacheOwnerId[]>> {
    const organisationId = organisationOf(tenantId);
    const store = this.parts.organisations.at(organisationId);
    try {
      const [checked, organisation] = await Promise.all([check(store), store.organisation()]);
      if (!checked.ok) return checked;
      if (!organisation.ok) return organisation;
      // Also once it is shared no more, and while some isolate does not know yet.
      return ok((organisation.value.cacheSharing ?? 'never') === 'never' ? [tenantId] : [tenantId, organisationId]);
    } catch {
      return refuse('unavailable', "the organisation's records cannot be reached: nothing was purged");
    }
  }

  /** [M98] The names that entries of the model are found by. Refuses with `model_not_found`, `scope_denied` or `unavailable`. */
  async #namesOf(principal: Principal, tenantId: TenantId, model: string, modelVersion?: string): Promise<Outcome<readonly string[]>> {
    const names = new Set<string>();
    let meanings: Awaited<ReturnType<ModelNames['meaningsOf']>>;
    try {
      meanings = await this.parts.models.meaningsOf(tenantId, model);
      if (modelVersion !== undefined) {
        const versioned = meanings.filter(({ kind, version }) => kind === 'model' && (version ?? modelVersion) === modelVersion);
        const pinned = versioned.map(({ name }) => this.parts.models.meaningsOf(tenantId, `${name}@${modelVersion}`));
        meanings = (await Promise.all(pinned)).flat();
      }
    } catch {
      return refuse('unavailable', 'it cannot be determined what the name means: nothing was purged', 'model');
    }
    for (const { kind, name, version } of meanings) {
      // [T55] What an alias stands for is known by now.
      const may = kind === 'upstream' || principal.kind === 'admin' ? ok(null) : mayTouchModels(principal, [name]);
      if (!may.ok) return may;
      names.add(version === undefined ? name : `${name}@${version}`);
    }
    return names.size === 0 ? noModel(model, modelVersion) : ok([...names]);
  }

  async #selectionOf(principal: Principal, tenantId: TenantId, body: PurgeBody): Promise<Outcome<PurgeSelection>> {
    const { text, keys, tags, prefix, model, model_version: modelVersion, older_than_ms: olderThanMs } = body;
    const named = model === undefined ? ok(undefined) : await this.#namesOf(principal, tenantId, model, modelVersion);
    if (!named.ok) return named;
    const ofTexts = text?.map((item) => inputDigest(this.parts.sha256, { kind: 'text', text: item }));
    const digests = ofTexts === undefined ? keys : keys === undefined ? ofTexts : ofTexts.filter((digest) => keys.includes(digest));
    return ok({
      ...(digests === undefined ? {} : { digests: [...new Set(digests)] }),
      ...(tags === undefined ? {} : { tags: [...new Set(tags)] }),
      ...(prefix === undefined ? {} : { tagPrefix: prefix }),
      ...(named.value === undefined ? {} : { models: named.value }),
      ...(olderThanMs === undefined ? {} : { olderThanMs }),
    });
  }

  async #idFor(tenantId: TenantId, idempotencyKey: string | undefined): Promise<PurgeId> {
    const bytes =
      idempotencyKey === undefined
        ? this.parts.rng.bytes(ID_CHARS)
        : new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(JSON.stringify([tenantId, 'cache.purge', idempotencyKey]))));
    return `pg_${base32(bytes.subarray(0, ID_CHARS))}` as PurgeId;
  }
}

function noModel(model: string, version: string | undefined): Outcome<never> {
  const name = version === undefined ? model : `${model} of version ${version}`;
  return refuseResource(
    'model_not_found',
    { kind: 'model', name: model },
    `there is no model ${JSON.stringify(name)}: nothing was purged`,
    'model',
  );
}

/** One purge of several caches, as the first records it: it holds, and is erased, once it is in all of them. */
function together([own, ...others]: readonly Outcome<PurgeRecord>[]): Outcome<PurgeRecord> {
  if (own === undefined || !own.ok) return own ?? refuse('purge_not_found', 'there is no such purge', 'purge');
  let { effectiveAtMs, erased } = own.value;
  for (const other of others) {
    if (!other.ok) return other;
    effectiveAtMs = Math.max(effectiveAtMs, other.value.effectiveAtMs);
    erased &&= other.value.erased;
  }
  return ok({ ...own.value, effectiveAtMs, erased });
}
