import type { Refusal } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { AuthorityEnd } from '../../contract/tenancy/authority-end.ts';
import { TENANCY_LIMITS } from '../../contract/tenancy/tenancy-limits.ts';
import type { Authority, WriteLease } from '../../contract/tenancy/write-lease.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { OrganisationId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Timer } from '../../kernel/timer.ts';
import type { Proof } from './authority.ts';
import type { AuthorityWatches, LongCall } from './authority-watches.ts';

interface RequestAuthorityParts {
  readonly organisation: OrganisationId;
  /** Checks now that the caller may make the call. */
  readonly prove: () => Promise<Outcome<Proof>>;
  readonly watches: Pick<AuthorityWatches, 'join' | 'leave' | 'isLasting'>;
  readonly clock: Clock;
  readonly timer: Timer;
}

/**
 * The right of one request. While it is held, it ends by itself within `authorityEndMs` of what ends it: once the request has lasted for
 * `authorityWatchAfterMs`, it looks every `authorityLookMs` what the isolate's watch of its organisation says, by a timer of its own. [T121]
 */
export class RequestAuthority implements Authority, AuthorityEnd {
  readonly #parts: RequestAuthorityParts;
  readonly #listeners = new Set<(why: Refusal) => void>();
  #refusal: Refusal | undefined;
  #holds = 0;
  #version: number;
  #lapsesAtMs: number;
  #call: LongCall | undefined;
  #disarm: (() => void) | undefined;

  /** `proof`: by which the request was admitted. */
  constructor(parts: RequestAuthorityParts, { version, lapsesAtMs }: Proof) {
    this.#parts = parts;
    this.#version = version;
    this.#lapsesAtMs = lapsesAtMs;
  }

  get end(): AuthorityEnd {
    return this;
  }

  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  async lease(): Promise<Outcome<WriteLease>> {
    const proof = await this.#parts.prove();
    return proof.ok ? ok(proof.value.lease) : proof;
  }

  onEnd(run: (why: Refusal) => void): () => void {
    if (this.#refusal !== undefined) run(this.#refusal);
    else this.#listeners.add(run);
    return () => void this.#listeners.delete(run);
  }

  hold(): () => void {
    this.#holds += 1;
    if (this.#holds === 1) this.#lookAfter(TENANCY_LIMITS.authorityWatchAfterMs);
    let isHeld = true;
    return () => {
      if (isHeld) this.#holds -= 1;
      isHeld = false;
      if (this.#holds === 0) this.#stop();
    };
  }

  waive(): void {
    this.#holds = Infinity;
    this.#stop();
  }

  #lookAfter(delayMs: number): void {
    if (this.#refusal === undefined) this.#disarm = this.#parts.timer.after(delayMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { organisation, watches, clock } = this.#parts;
    this.#disarm = undefined;
    const call = (this.#call ??= watches.join(organisation, this.#version));
    if (!watches.isLasting(call) || clock.nowMs() >= this.#lapsesAtMs) await this.#prove(call);
    // It may be over meanwhile.
    if (this.#call === call) this.#lookAfter(TENANCY_LIMITS.authorityLookMs);
  }

  async #prove(call: LongCall): Promise<void> {
    const proof = await this.#parts.prove().catch(() => undefined);
    if (this.#call !== call) return;
    if (proof?.ok === true) {
      call.version = proof.value.version;
      this.#lapsesAtMs = proof.value.lapsesAtMs;
    }
    // What cannot be checked now goes on, as a new call of a key that is known would.
    else if (proof !== undefined && proof.error.code !== 'unavailable') this.#endWith(proof.error);
  }

  #endWith(why: Refusal): void {
    this.#refusal = why;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const run of listeners) run(why);
    // What the request had under way has been called off: an erasure may go on.
    this.#stop();
  }

  #stop(): void {
    this.#disarm?.();
    this.#disarm = undefined;
    if (this.#call !== undefined) this.#parts.watches.leave(this.#call);
    this.#call = undefined;
  }
}
