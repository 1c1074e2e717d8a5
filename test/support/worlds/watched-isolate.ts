import { refuse } from '../../../src/contract/api/outcome.ts';
import type { Refusal } from '../../../src/contract/api/errors.ts';
import type { Proof } from '../../../src/gateway/tenancy/authority.ts';
import { AuthorityWatches } from '../../../src/gateway/tenancy/authority-watches.ts';
import { RequestAuthority } from '../../../src/gateway/tenancy/request-authority.ts';
import type { OrganisationId, TenantId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { TimedWakeUps } from '../../../src/kernel/wake-ups.ts';
import { AuthorityWatchers } from '../../../src/tenancy/authority-watchers.ts';
import { VirtualTime } from './virtual-time.ts';

export const ORGANISATION = 'org_1' as OrganisationId;

/** An organisation's object: which keys are in force, at which version. */
export class WatchedOrganisation {
  readonly time = new VirtualTime();
  watchers = new AuthorityWatchers(this.time, this.time);
  version = 1;
  isReachable = true;
  readonly ended = new Set<string>();
  readonly #failing = new Set<() => void>();

  /** Ends some keys, or changes something else. */
  change(...keys: readonly string[]): void {
    for (const key of keys) this.ended.add(key);
    this.version += 1;
    this.watchers.changed();
  }

  /** The object loses its memory: what waits there fails. */
  restart(): void {
    this.watchers = new AuthorityWatchers(this.time, this.time);
    for (const fail of this.#failing) fail();
  }

  /** What `work` comes to, unless the object restarts. */
  async whileUp<T>(work: Promise<T>): Promise<T> {
    let fail: () => void = () => undefined;
    const down = new Promise<never>((_, reject) => {
      fail = () => reject(new Error('the object was reset'));
    });
    this.#failing.add(fail);
    try {
      return await Promise.race([work, down]);
    } finally {
      this.#failing.delete(fail);
    }
  }
}

/** A call under way, and when it ended by itself. */
export interface WatchedCall {
  readonly key: string;
  readonly authority: RequestAuthority;
  readonly letGo: () => void;
  endedAtMs: number | undefined;
  why: Refusal | undefined;
}

/** One isolate of a gateway: what it asks takes `rpcMs` each way; its key records are as old as they may be. */
export class WatchedIsolate {
  readonly #organisation: WatchedOrganisation;
  readonly #name: string;
  readonly #rpcMs: number;
  readonly #watches: AuthorityWatches;
  /** By key: as it was read last. */
  readonly #known = new Map<string, { readonly isEnded: boolean; readonly version: number; readonly readAtMs: number }>();
  /** Questions to the organisation that wait there, those that were ever asked, and readings of keys. */
  asking = 0;
  askingMost = 0;
  asked = 0;
  readings = 0;
  /** Requests that die take what they ask with them: it is never answered. */
  kills = false;

  constructor(organisation: WatchedOrganisation, name: string, rpcMs: number) {
    const { time } = organisation;
    this.#organisation = organisation;
    this.#name = name;
    this.#rpcMs = rpcMs;
    this.#watches = new AuthorityWatches({
      clock: time,
      timer: { after: (delayMs, run) => (this.kills ? () => undefined : time.after(delayMs, run)) },
      wakeUps: new TimedWakeUps(time, { firstMs: 5, lastMs: 50 }, (work) => void work.catch(() => undefined)),
      isolate: name,
      ask: (_, watcher, waitMs) => this.#ask(watcher, waitMs),
      onChange: () => this.#known.clear(),
    });
  }

  /** Begins a call, which is watched until `letGo`. Its key's record may be up to a second old. */
  begin(key: string): WatchedCall {
    const { time } = this.#organisation;
    const known = this.#known.get(key) ?? { isEnded: false, version: this.#organisation.version, readAtMs: time.nowMs() };
    this.#known.set(key, known);
    const prove = () => this.#prove(key);
    const authority = new RequestAuthority(
      { organisation: ORGANISATION, prove, watches: this.#watches, clock: time, timer: time },
      proofOf(known.version),
    );
    const call: WatchedCall = { key, authority, letGo: authority.hold(), endedAtMs: undefined, why: undefined };
    authority.onEnd((why) => {
      call.endedAtMs = time.nowMs();
      call.why = why;
    });
    return call;
  }

  async #ask(watcher: Parameters<ConstructorParameters<typeof AuthorityWatches>[0]['ask']>[1], waitMs: number): Promise<number> {
    const { time } = this.#organisation;
    this.asked += 1;
    this.asking += watcher.settled === null ? 0 : 1;
    this.askingMost = Math.max(this.askingMost, this.asking);
    const isLost = this.kills;
    try {
      await time.sleep(this.#rpcMs);
      if (!this.#organisation.isReachable) throw new Error('away');
      await this.#organisation.whileUp(this.#organisation.watchers.wait(watcher, waitMs, () => this.#organisation.version));
      const { version } = this.#organisation;
      await time.sleep(this.#rpcMs);
      return isLost ? await new Promise<never>(() => undefined) : version;
    } finally {
      this.asking -= watcher.settled === null ? 0 : 1;
    }
  }

  async #prove(key: string) {
    const { time, ended } = this.#organisation;
    const known = this.#known.get(key);
    if (known !== undefined && time.nowMs() - known.readAtMs <= 1_000) return judged(known);
    this.readings += 1;
    const readAtMs = time.nowMs();
    await time.sleep(this.#rpcMs);
    if (!this.#organisation.isReachable) return refuse('unavailable', `${this.#name} cannot check the key`);
    const read = { isEnded: ended.has(key), version: this.#organisation.version, readAtMs };
    await time.sleep(this.#rpcMs);
    this.#known.set(key, read);
    return judged(read);
  }
}

const judged = ({ isEnded, version }: { readonly isEnded: boolean; readonly version: number }) =>
  isEnded ? refuse('invalid_api_key', 'revoked') : ok(proofOf(version));

const proofOf = (version: number): Proof => ({
  principal: { kind: 'tenant', organisationId: ORGANISATION, tenantId: 'tn_1' as TenantId } as Proof['principal'],
  lease: { endsAtMs: 0 },
  version,
  lapsesAtMs: Infinity,
});
