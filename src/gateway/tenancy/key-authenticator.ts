import { TENANCY_LIMITS } from '../../contract/tenancy/tenancy-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { sharedFor, SHARED_WORK_LIMITS } from '../../contract/api/shared-work.ts';
import type { Scope, TenantPrincipal } from '../../contract/api/principal.ts';
import { leaseFrom } from '../../contract/tenancy/write-lease.ts';
import type { Clock } from '../../kernel/clock.ts';
import { constantTimeEqual } from '../../kernel/hmac.ts';
import type { Hmac } from '../../kernel/hmac.ts';
import type { KeyId, OrganisationId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import { SharedWork } from '../../kernel/shared-work.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import { parseApiKey } from '../../tenancy/keys/api-key.ts';
import { organisationOf } from '../../tenancy/resource-ids.ts';
import type { AdmittedKey } from '../../tenancy/keys/key-record.ts';
import { lapsesAtMs, SUSPENDED_TENANT, UNKNOWN_KEY, verify } from '../../tenancy/keys/key-record.ts';
import type { Authenticator, Credential, Proof } from './authority.ts';
import { dropOldest } from '../../kernel/drop-oldest.ts';

/** Where key records are kept. Rejects when it cannot be reached within `controlTimeoutMs`. */
export type KeyLookup = (id: KeyId) => Promise<AdmittedKey | undefined>;

/** Scopes that let a caller make keys or command pools: refused while it cannot be determined whether the key is revoked. */
const CONFIRMED_ONLY: ReadonlySet<Scope> = new Set<Scope>(['keys:write', 'pools:admin']);

/** Of the time that a record is fresh: the rest is far longer than reading it takes. */
const RENEWED_AFTER_MS = TENANCY_LIMITS.keyFreshMs / 2;
/** Since a reading died with the call that began it, another call begins the next. */
const RENEWAL_RETRY_MS = TENANCY_LIMITS.keyFreshMs / 4;

export interface KeyAuthenticatorParts {
  readonly adminKey: string;
  readonly hmac: Hmac;
  readonly lookup: KeyLookup;
  readonly clock: Clock;
  readonly wakeUps: WakeUps;
}

interface KnownKey {
  readonly record: AdmittedKey | undefined;
  /** The caller that the record proves while it is fresh: made once, for all requests until it is read again. */
  readonly principal: TenantPrincipal | undefined;
  /** Taken before the record was asked for: it may be this old. */
  readonly readAtMs: number;
  /** From then on the next call has it read again. */
  renewAtMs: number;
  /** The record alone says that it proves less from then on. */
  readonly lapsesAtMs: number;
  /** When it could last not be read again: the next attempt waits, so that an outage does not slow every call down. */
  readonly failedAtMs?: number;
}

/**
 * Checks API keys against records that this isolate remembers.
 *
 * A record is used for `keyFreshMs` at most, so that a revocation holds within that time; one in use is read again ahead of time, so that no
 * request waits for it. While the store is unreachable a known key keeps working for `keyUnconfirmedMs`, without the scopes that need
 * confirmation; an unknown one is `unavailable`.
 */
export class KeyAuthenticator implements Authenticator {
  readonly #adminKey: string;
  #adminKeyDigest: string | undefined;
  readonly #hmac: Hmac;
  readonly #lookup: KeyLookup;
  readonly #clock: Clock;
  readonly #known = new Map<KeyId, KnownKey>();
  /** Ids that no key has, apart, so that inventing ids does not push out real keys. */
  readonly #unknown = new Map<KeyId, KnownKey>();
  /** By the text of the key, those that have proved something: a digest costs more than all else of this. They prove nothing by themselves. */
  readonly #credentials = new Map<string, Credential>();
  readonly #readings: SharedWork<KnownKey>;

  constructor(parts: KeyAuthenticatorParts) {
    this.#adminKey = parts.adminKey;
    this.#hmac = parts.hmac;
    this.#lookup = parts.lookup;
    this.#clock = parts.clock;
    this.#readings = new SharedWork({ ...parts, bounds: sharedFor(SHARED_WORK_LIMITS.keyReadMaxMs, 2 * SHARED_WORK_LIMITS.keyReadMaxMs) });
  }

  async present(apiKey: string): Promise<Credential> {
    const known = this.#credentials.get(apiKey);
    if (known !== undefined) return known;
    const keyId = parseApiKey(apiKey);
    const mac = await this.#hmac.hex(apiKey);
    if (keyId.ok) return this.#credentialOf(apiKey, keyId.value, mac);
    this.#adminKeyDigest ??= await this.#hmac.hex(this.#adminKey);
    const isAdmin = constantTimeEqual(mac, this.#adminKeyDigest);
    const admin = (): Proof => ({ principal: { kind: 'admin' }, lease: leaseFrom(this.#clock.nowMs()), version: -1, lapsesAtMs: Infinity });
    return { prove: async () => (isAdmin ? ok(admin()) : keyId) };
  }

  /** Remembered once it has proved something, so that invented keys displace none. */
  #credentialOf(apiKey: string, keyId: KeyId, mac: string): Credential {
    const credential: Credential = {
      prove: async () => {
        const proof = await this.#prove(keyId, mac);
        if (proof.ok && !this.#credentials.has(apiKey))
          keepLatest(this.#credentials, apiKey, credential, TENANCY_LIMITS.keysCachedMaxCount);
        return proof;
      },
    };
    return credential;
  }

  async #prove(keyId: KeyId, mac: string): Promise<Outcome<Proof>> {
    const accepted = this.#judge(this.#fresh(keyId) ?? (await this.#read(keyId, TENANCY_LIMITS.keyFreshMs)), mac);
    // A secret may have been made since: what refuses a key must be newer than what accepts one.
    if (accepted.ok || accepted.error.code === 'unavailable') return accepted;
    return this.#judge(await this.#read(keyId, TENANCY_LIMITS.keyDoubtedMs), mac);
  }

  /** Drops what is remembered of a key, after it has been changed here. */
  forget(id: KeyId): void {
    this.#known.delete(id);
    this.#readings.drop(id);
  }

  /** Drops what is remembered of all keys of this key's organisation, after one of them, and maybe its descendants, were changed elsewhere. */
  forgetRelatives(of: KeyId): void {
    this.forget(of);
    for (const id of this.#knownOf(organisationOf(of))) this.forget(id);
  }

  /** Reads the keys of an organisation again before they prove anything more, after something has changed there; while it cannot be reached, they are known. */
  doubt(organisation: OrganisationId): void {
    const readAtMs = this.#clock.nowMs() - TENANCY_LIMITS.keyFreshMs - 1;
    for (const id of this.#knownOf(organisation)) {
      const known = this.#known.get(id);
      if (known !== undefined) this.#known.set(id, { ...known, readAtMs: Math.min(known.readAtMs, readAtMs) });
      this.#readings.drop(id);
    }
  }

  #knownOf(organisation: OrganisationId): KeyId[] {
    return [...this.#known.keys()].filter((id) => organisationOf(id) === organisation);
  }

  #judge(known: KnownKey | undefined, mac: string): Outcome<Proof> {
    if (known === undefined) return refuse('unavailable', 'the API key cannot be checked now; try again');
    if (known.record === undefined) return UNKNOWN_KEY;
    const nowMs = this.#clock.nowMs();
    const verified = verify(known.record, mac, nowMs);
    if (verified.ok && known.record.isSuspended === true) return SUSPENDED_TENANT;
    if (!verified.ok) return verified;
    const isUnconfirmed = nowMs - known.readAtMs > TENANCY_LIMITS.keyFreshMs;
    // While it cannot be determined whether the key is revoked, the record that this isolate has counts, as of now.
    const lease = isUnconfirmed ? { ...leaseFrom(nowMs), isUnconfirmed } : leaseFrom(known.readAtMs);
    const principal = isUnconfirmed ? undefined : known.principal;
    const { version = -1 } = known.record;
    return ok({ principal: principal ?? principalOf(known.record, isUnconfirmed), lease, version, lapsesAtMs: known.lapsesAtMs });
  }

  /** A record that no call has to wait for; once half of its time is over, one call has it read again, and does not wait for that either. [G60] */
  #fresh(id: KeyId): KnownKey | undefined {
    const known = this.#known.get(id);
    const nowMs = this.#clock.nowMs();
    if (known === undefined || !isWithin(known, TENANCY_LIMITS.keyFreshMs, nowMs)) return undefined;
    if (nowMs >= known.renewAtMs) {
      known.renewAtMs = nowMs + RENEWAL_RETRY_MS;
      // A failure shows once the record is too old, when a call reads it for itself.
      void this.#readOnce(id, nowMs).catch(() => undefined);
    }
    return known;
  }

  /** The record of a key, read again if it is older than `ageMs`. Undefined if it cannot be read. */
  async #read(id: KeyId, ageMs: number): Promise<KnownKey | undefined> {
    const known = this.#known.get(id) ?? this.#unknown.get(id);
    const nowMs = this.#clock.nowMs();
    if (known !== undefined && isWithin(known, ageMs, nowMs)) return known;
    const lasting = known?.record !== undefined && isWithin(known, TENANCY_LIMITS.keyUnconfirmedMs, nowMs) ? known : undefined;
    if (lasting?.failedAtMs !== undefined && nowMs - lasting.failedAtMs < TENANCY_LIMITS.keyFreshMs) return lasting;
    try {
      const read = await this.#readOnce(id, nowMs);
      if (read.ok) return read.value.value;
      return lasting;
    } catch {
      return lasting === undefined ? undefined : this.#remember(id, { ...lasting, failedAtMs: nowMs });
    }
  }

  /** Callers that arrive while a record is being read wait for that reading: it began after the last one grew stale. */
  #readOnce(id: KeyId, nowMs: number) {
    return this.#readings.run(id, async (flight) => {
      const record = await this.#lookup(id);
      const principal = record === undefined ? undefined : principalOf(record, false);
      const lapses = record === undefined ? Infinity : lapsesAtMs(record, nowMs);
      const read: KnownKey = { record, principal, readAtMs: nowMs, renewAtMs: nowMs + RENEWED_AFTER_MS, lapsesAtMs: lapses };
      // A reading that was overtaken by `forget` serves only the callers that already wait for it.
      return this.#readings.isCurrent(id, flight) ? this.#remember(id, read) : read;
    });
  }

  // The least recently read goes first.
  #remember(id: KeyId, known: KnownKey): KnownKey {
    this.#known.delete(id);
    this.#unknown.delete(id);
    const [map, countMax] =
      known.record === undefined
        ? [this.#unknown, TENANCY_LIMITS.keysUnknownCachedMaxCount]
        : [this.#known, TENANCY_LIMITS.keysCachedMaxCount];
    keepLatest(map, id, known, countMax);
    return known;
  }
}

function keepLatest<K, V>(map: Map<K, V>, key: K, value: V, countMax: number): void {
  map.set(key, value);
  dropOldest(map, countMax);
}

// A clock that steps back makes a reading look as if it were to come: it is read again.
function isWithin(known: KnownKey, ageMs: number, nowMs: number): boolean {
  const age = nowMs - known.readAtMs;
  return age >= 0 && age <= ageMs;
}

function principalOf(record: AdmittedKey, isUnconfirmed: boolean): TenantPrincipal {
  const { organisationId, tenantId, projectId, id: keyId, owner, expiresAtMs, addresses, origins, resources, labels, lineage } = record;
  const withheld = isUnconfirmed ? record.scopes.filter((scope) => CONFIRMED_ONLY.has(scope)) : [];
  const scopes = record.scopes.filter((scope) => !withheld.includes(scope));
  // Sharing is a leave that may have been taken back: while that is not certain, nothing is shared.
  const sharesCache = record.sharesCache === true && !isUnconfirmed;
  return {
    kind: 'tenant',
    organisationId,
    tenantId,
    projectId,
    keyId,
    owner,
    scopes,
    sharesCache,
    ...(withheld.length > 0 ? { withheld } : {}),
    ...(expiresAtMs === null ? {} : { expiresAtMs }),
    ...(addresses ? { addresses } : {}),
    ...(origins ? { origins } : {}),
    ...(resources ? { resources } : {}),
    ...(labels ? { labels } : {}),
    ...(lineage === undefined ? {} : { lineage }),
  };
}
