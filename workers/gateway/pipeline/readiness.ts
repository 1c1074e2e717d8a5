import { platformFault } from '../../../durable-objects/platform-fault.ts';
import type { Refusal } from '../../../src/contract/api/errors.ts';
import { API_LIMITS } from '../../../src/contract/api/api-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { err, ok } from '../../../src/kernel/result.ts';
import type { Organisations } from '../../../src/gateway/tenancy/organisation-store.ts';
import { within } from '../adapters/api/ask.ts';

/** Anyone may ask, so the objects behind the answer are asked at most this often. */
const FRESH_MS = 1_000;

interface ReadinessParts {
  readonly organisations: Pick<Organisations, 'directory'>;
  readonly clock: Clock;
  /** Loads the default model, unless it is loaded. */
  readonly loadModel: () => Promise<Outcome<unknown>>;
}

/** Whether this isolate can serve: the control objects answer, what is written is stored, and the default model is loaded. */
export class Readiness {
  readonly #parts: ReadinessParts;
  #full: { readonly refusal: Refusal; readonly atMs: number } | undefined;
  #last: { readonly outcome: Outcome<null>; readonly atMs: number } | undefined;

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
  }

  /** A call was refused so: where one object finds no room, others will not for long. */
  sawRefusal(refusal: Refusal): void {
    // Its own answers do not count, or they would keep each other alive.
    if (refusal.code === 'storage_full' && refusal !== this.#full?.refusal) this.#full = { refusal, atMs: this.#parts.clock.nowMs() };
  }

  /** Refuses with `unavailable` or `storage_full`, naming what is missing. */
  async check(): Promise<Outcome<null>> {
    const nowMs = this.#parts.clock.nowMs();
    if (this.#full !== undefined && nowMs - this.#full.atMs < API_LIMITS.storageRetryMs) return err(this.#full.refusal);
    if (this.#last !== undefined && nowMs - this.#last.atMs < FRESH_MS) return this.#last.outcome;
    const outcome = await this.#ask();
    this.#last = { outcome, atMs: nowMs };
    return outcome;
  }

  async #ask(): Promise<Outcome<null>> {
    const { organisations, loadModel } = this.#parts;
    const model = await loadModel();
    if (!model.ok) return model;
    try {
      const directory = organisations.directory();
      await within(directory.page(1, undefined), API_LIMITS.controlTimeoutMs);
      await within(directory.probe(), API_LIMITS.controlTimeoutMs);
      return ok(null);
    } catch (error) {
      const fault = platformFault(error);
      return fault?.code === 'storage_full' ? err(fault) : refuse('unavailable', 'the control objects do not answer');
    }
  }
}
