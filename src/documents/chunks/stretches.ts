import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import { anchorsOf } from './anchors.ts';
import type { Unit } from './units.ts';
import { RANK } from './units.ts';

/** In limits of chunks: some four chunks are between two anchors. */
const REACH_CHUNKS = 2;

/**
 * Gathers units into stretches that are divided into chunks each for itself, whatever the others are: a stretch ends before a top, before an anchor, and where it has
 * become too long to be waited for. So an edit moves chunks from the anchor or top before it to the one behind it, and no others. [DC13]
 */
export class Stretches {
  readonly #reach: number;
  #open: Unit[] = [];
  #tokens = 0;
  /** With so many tokens or units anchors are looked for. */
  #lookAt: { readonly tokens: number; readonly units: number };

  constructor(chunkTokensMax: number) {
    this.#reach = chunkTokensMax * REACH_CHUNKS;
    this.#lookAt = this.#lookLater();
  }

  /** Where the text begins that is still needed. */
  get begin(): number | undefined {
    return this.#open[0]?.begin;
  }

  /** Stretches that are whole with the next unit. */
  add(unit: Unit): Unit[][] {
    const closed = unit.rank === RANK.top ? this.end() : [];
    this.#open.push(unit);
    this.#tokens += unit.tokens + unit.gapTokens;
    if (this.#tokens < this.#lookAt.tokens && this.#open.length < this.#lookAt.units) return closed;
    const decided = this.#dividedAt(anchorsOf(this.#open, this.#reach, false));
    if (decided.length === 1 && this.#isLong()) return [...closed, ...this.end()];
    this.#restart(decided.pop() ?? []);
    return [...closed, ...decided];
  }

  /** The stretches that are left before a top, or at the document's end. */
  end(): Unit[][] {
    const closed = this.#open.length === 0 ? [] : this.#dividedAt(anchorsOf(this.#open, this.#reach, true));
    this.#restart([]);
    return closed;
  }

  #dividedAt(anchors: readonly number[]): Unit[][] {
    const begins = [0, ...anchors];
    return begins.map((begin, at) => this.#open.slice(begin, begins[at + 1]));
  }

  #restart(units: Unit[]): void {
    this.#open = units;
    this.#tokens = units.reduce((sum, { tokens, gapTokens }) => sum + tokens + gapTokens, 0);
    this.#lookAt = this.#lookLater();
  }

  #lookLater() {
    return { tokens: this.#tokens + this.#reach, units: this.#open.length + DOCUMENT_LIMITS.chunkUnitsMaxCount };
  }

  #isLong(): boolean {
    const { stretchUnitsMaxCount, stretchChunksMaxCount } = DOCUMENT_LIMITS;
    return this.#open.length >= stretchUnitsMaxCount || this.#tokens >= (this.#reach / REACH_CHUNKS) * stretchChunksMaxCount;
  }
}
