import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import type { Rank, Unit } from './units.ts';
import { RANK } from './units.ts';

/** By rank, what it costs to divide a text there. One chunk without anything in it costs 1. */
const CUT_COSTS: Readonly<Record<Rank, number>> = {
  [RANK.heading]: 8,
  [RANK.word]: 2,
  [RANK.sentence]: 0.4,
  [RANK.line]: 0.2,
  [RANK.block]: 0.1,
  [RANK.section]: 0,
  [RANK.top]: 0,
};

/** What a heading within a chunk costs: sections are chunks of their own unless they are short. */
const SECTION_COST = 0.5;

/** Between two turns of others: some milliseconds. */
const STEP_UNITS = 1_024;

/** How many tokens a chunk may have that begins with a unit, without its context and overlap. */
export type Room = (unit: Unit) => number;

/**
 * Divides units into chunks so that all together cost least: for each the square of the share of its room that is empty, for each cut what it divides, and for
 * each heading that is not at its chunk's beginning. As Knuth and Plass divide paragraphs into lines ("Breaking paragraphs into lines", 1981), so that chunks
 * are about equally full and end where the text does. Returns where chunks begin, and the number of units. [DC12]
 */
export function* divide(units: readonly Unit[], fixed: readonly number[], roomOf: Room): Generator<undefined, number[]> {
  const division = new Division(units, roomOf);
  const cuts: number[] = [];
  for (const [at, begin] of fixed.entries()) {
    const end = fixed[at + 1] ?? units.length;
    for (let j = begin + 1; j <= end; j += 1) {
      division.extendTo(begin, j, end);
      if (j % STEP_UNITS === 0) yield;
    }
    cuts.push(...division.cutsBetween(begin, end));
  }
  return [...cuts, units.length];
}

class Division {
  readonly #units: readonly Unit[];
  readonly #rooms: Float64Array;
  readonly #roomMax: number;
  /** Sums up to each unit. */
  readonly #tokens: Float64Array;
  readonly #sections: Int32Array;
  /** Of the cheapest division of a stretch that ends before each unit, and where its last chunk begins. */
  readonly #costs: Float64Array;
  readonly #begins: Int32Array;

  constructor(units: readonly Unit[], roomOf: Room) {
    this.#units = units;
    this.#rooms = Float64Array.from(units, roomOf);
    this.#roomMax = this.#rooms.reduce((most, room) => Math.max(most, room), 0);
    this.#tokens = new Float64Array(units.length + 1);
    this.#sections = new Int32Array(units.length + 1);
    for (const [at, { tokens, gapTokens, rank }] of units.entries()) {
      this.#tokens[at + 1] = this.#tokens[at]! + tokens + gapTokens;
      this.#sections[at + 1] = this.#sections[at]! + (rank === RANK.section ? 1 : 0);
    }
    this.#costs = new Float64Array(units.length + 1);
    this.#begins = new Int32Array(units.length + 1);
  }

  /** Finds the last chunk of the cheapest division of the stretch from `begin` to `j`, of one that goes on to `end`. */
  extendTo(begin: number, j: number, end: number): void {
    const last = this.#units[j - 1]!;
    const until = this.#tokens[j]! - last.gapTokens;
    const cut = j < end ? CUT_COSTS[this.#units[j]!.rank] : 0;
    let best = Infinity;
    for (let i = j - 1; i >= Math.max(begin, j - DOCUMENT_LIMITS.chunkUnitsMaxCount); i -= 1) {
      const [tokens, room] = [until - this.#tokens[i]!, this.#rooms[i]!];
      if (tokens > room && i < j - 1) {
        if (tokens > this.#roomMax) break;
        continue;
      }
      const empty = Math.max(0, 1 - tokens / room);
      const before = i === begin ? 0 : this.#costs[i]!;
      const cost = before + empty * empty + cut + SECTION_COST * (this.#sections[j]! - this.#sections[i + 1]!);
      if (cost >= best) continue;
      best = cost;
      this.#begins[j] = i;
    }
    this.#costs[j] = best;
  }

  /** Where the chunks of a stretch begin, ascending. */
  cutsBetween(begin: number, end: number): number[] {
    const cuts: number[] = [];
    for (let at = end; at > begin; at = this.#begins[at]!) cuts.push(this.#begins[at]!);
    return cuts.reverse();
  }
}
