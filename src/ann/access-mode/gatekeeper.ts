import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import type { IndexId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Gate, GateState } from './gate.ts';
import { admit, callerOf } from './gate.ts';

/** An object of an index that has a gate. */
export interface Gated {
  /** Of the index that it is part of; undefined when it is of none. */
  indexId(): IndexId | undefined;
  gate(): GateState;
  setGate(state: GateState): void;
}

/** Which callers get access to what an object of an index stores. */
export class Gatekeeper {
  readonly #gated: Gated;

  constructor(gated: Gated) {
    this.#gated = gated;
  }

  /**
   * Access for a caller that names the index; `own`: that of the object, if it was read already. Refuses with `index_not_found`, or as
   * `admit` does.
   */
  pass(named: IndexId, isWrite = false, own = this.#gated.indexId()): Outcome<null> {
    const { indexId, run, isInsider } = callerOf(named);
    if (own !== indexId) return notFound();
    if (isInsider) return ok(null);
    const known = this.#gated.gate();
    const admitted = admit(known, run, isWrite);
    if (!admitted.ok) return admitted;
    if (isWrite && run !== null && run > known.run) this.#gated.setGate({ gate: known.gate, run });
    return ok(null);
  }

  /** Refuses with `stale_fence` a run that another one has taken over from, and with `index_not_found`. */
  set(indexId: IndexId, gate: Gate, run: number): Outcome<null> {
    if (this.#gated.indexId() !== indexId) return notFound();
    if (run < this.#gated.gate().run) return refuse('stale_fence', 'another run of the follower has taken over');
    this.#gated.setGate({ gate, run });
    return ok(null);
  }
}

export const notFound = () => refuse('index_not_found', 'the index was deleted', 'index');
