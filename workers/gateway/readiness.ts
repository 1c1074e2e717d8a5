import { LIMITS } from '../../src/contract/limits.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import { must } from '../../src/kernel/assert.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { ok } from '../../src/kernel/result.ts';
import type { Embeddings } from './adapters/embeddings.ts';
import type { Tenancy } from './adapters/tenancy.ts';
import { within } from './adapters/within.ts';

/** Anyone may ask, so the objects behind the answer are asked at most this often. */
const FRESH_MS = 1_000;

/** Whether this isolate can serve: the control objects answer and the default model is loaded. */
export class Readiness {
  readonly #tenancy: Pick<Tenancy, 'organisations'>;
  readonly #models: Embeddings['models'];
  readonly #clock: Clock;
  #last: { readonly outcome: Outcome<null>; readonly atMs: number } | undefined;

  constructor(tenancy: Pick<Tenancy, 'organisations'>, models: Embeddings['models'], clock: Clock) {
    this.#tenancy = tenancy;
    this.#models = models;
    this.#clock = clock;
  }

  /** Refuses with `unavailable`, naming what is missing. */
  async check(): Promise<Outcome<null>> {
    const nowMs = this.#clock.nowMs();
    if (this.#last !== undefined && nowMs - this.#last.atMs < FRESH_MS) return this.#last.outcome;
    const outcome = await this.#ask();
    this.#last = { outcome, atMs: nowMs };
    return outcome;
  }

  async #ask(): Promise<Outcome<null>> {
    const model = await this.#models.load(must(this.#models.manifests[0], 'a deployment has a model'));
    if (!model.ok) return model;
    try {
      await within(this.#tenancy.organisations.directory().page(1, undefined), LIMITS.controlTimeoutMs);
      return ok(null);
    } catch {
      return refuse('unavailable', 'the control objects do not answer');
    }
  }
}
