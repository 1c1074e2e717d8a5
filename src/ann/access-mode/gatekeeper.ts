import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import type { IndexId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Addressed } from './caller.ts';
import { CLIENT } from './caller.ts';
import type { Gate, GateState } from './gate.ts';
import { admit } from './gate.ts';

/** An object of an index that has a gate. */
export interface Gated {
  /** The index it belongs to; undefined without one. */
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

  /** `own`: the index id of the object, where it was read already. Refuses with `index_not_found`, or as `admit` does. */
  pass({ indexId, caller = CLIENT }: Addressed, isWrite = false, own = this.#gated.indexId()): Outcome<null> {
    if (own !== indexId) return notFound();
    // What other objects of the index do needs no look at the gate, which is a read of the store.
    if (caller.kind === 'index-object') return ok(null);
    const known = this.#gated.gate();
    const admitted = admit(known, caller, isWrite);
    if (!admitted.ok) return admitted;
    const isNewer = isWrite && caller.kind === 'follower' && caller.fencingToken > known.run;
    if (isNewer) this.#gated.setGate({ gate: known.gate, run: caller.fencingToken });
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
