import type { Filter } from '../../contract/filter.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { Selection } from './selection.ts';

interface Remembered {
  readonly lsn: number;
  readonly outcome: Outcome<Selection>;
  readonly bytes: number;
}

/** Identifies the shard of a selection: any name that no other shard has. */
interface Asked {
  readonly shard: string;
  readonly namespace: number;
  readonly filter: Filter;
  readonly lsn: number;
}

/** What filters select, until their shard changes or others need the room: the least recently asked ones are forgotten. */
export class SelectionCache {
  readonly #bytesMax: number;
  // In the order of use.
  readonly #remembered = new Map<string, Remembered>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  recall({ shard, namespace, filter, lsn }: Asked, select: () => Outcome<Selection>): Outcome<Selection> {
    const key = JSON.stringify([shard, namespace, filter]);
    const known = this.#remembered.get(key);
    if (known !== undefined) this.#forget(key, known);
    const outcome = known?.lsn === lsn ? known.outcome : select();
    // At two bytes a character.
    const bytes = 2 * key.length + (outcome.ok ? outcome.value.bytes : JSON.stringify(outcome.error).length);
    this.#remembered.set(key, { lsn, outcome, bytes });
    this.#bytes += bytes;
    for (const [other, item] of this.#remembered) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#forget(other, item);
    }
    return outcome;
  }

  #forget(key: string, { bytes }: Remembered): void {
    this.#remembered.delete(key);
    this.#bytes -= bytes;
  }
}
