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

/** How many tokens a chunk may have that begins with a unit, without its context and overlap. */
export type Room = (unit: Unit) => number;

/**
 * Divides a stretch into chunks so that all together cost least: for each the square of the share of its room that is empty, for each cut what it divides, and
 * for each heading that is not at its chunk's beginning. As Knuth and Plass divide paragraphs into lines ("Breaking paragraphs into lines", 1981), so that
 * chunks are about equally full and end where the text does. Returns the chunks, each by its units; a unit that has no room is a chunk of its own. [DC12]
 */
export function divide(units: readonly Unit[], roomOf: Room): Unit[][] {
  const measured = measuredUnits(units, roomOf);
  // Of the cheapest division of what is before each unit, and where its last chunk begins.
  const costs = new Float64Array(units.length + 1);
  const begins = new Int32Array(units.length + 1);
  for (let end = 1; end <= units.length; end += 1) {
    begins[end] = lastBegin(measured, costs, end);
    const cut = end < units.length ? CUT_COSTS[units[end]!.rank] : 0;
    costs[end] = cut + costWith(measured, costs, begins[end]!, end);
  }
  const chunks: Unit[][] = [];
  for (let end = units.length; end > 0; end = begins[end]!) chunks.push(units.slice(begins[end], end));
  return chunks.reverse();
}

interface MeasuredUnits {
  readonly rooms: Float64Array;
  readonly roomMax: number;
  /** Sums up to each unit. */
  readonly tokens: Float64Array;
  readonly sections: Int32Array;
  /** Tokens of what lies behind each. */
  readonly gaps: Float64Array;
}

function measuredUnits(units: readonly Unit[], roomOf: Room): MeasuredUnits {
  const rooms = Float64Array.from(units, roomOf);
  const tokens = new Float64Array(units.length + 1);
  const sections = new Int32Array(units.length + 1);
  for (const [at, unit] of units.entries()) {
    tokens[at + 1] = tokens[at]! + unit.tokens + unit.gapTokens;
    sections[at + 1] = sections[at]! + (unit.rank === RANK.section ? 1 : 0);
  }
  const roomMax = rooms.reduce((most, room) => Math.max(most, room), 0);
  return { rooms, roomMax, tokens, sections, gaps: Float64Array.from(units, ({ gapTokens }) => gapTokens) };
}

/** Where the chunk begins with which what is before `end` costs least. */
function lastBegin(measured: MeasuredUnits, costs: Float64Array, end: number): number {
  const { rooms, roomMax } = measured;
  let [least, best] = [Infinity, end - 1];
  for (let begin = end - 1; begin >= Math.max(0, end - DOCUMENT_LIMITS.chunkUnitsMaxCount); begin -= 1) {
    const own = ownTokens(measured, begin, end);
    if (own > roomMax && begin < end - 1) break;
    if (own > rooms[begin]! && begin < end - 1) continue;
    const cost = costWith(measured, costs, begin, end);
    if (cost < least) [least, best] = [cost, begin];
  }
  return best;
}

/** What all up to `end` costs, without the cut there, if the last chunk begins at `begin`. */
function costWith(measured: MeasuredUnits, costs: Float64Array, begin: number, end: number): number {
  const { rooms, sections } = measured;
  const empty = Math.max(0, 1 - ownTokens(measured, begin, end) / rooms[begin]!);
  return costs[begin]! + empty * empty + SECTION_COST * (sections[end]! - sections[begin + 1]!);
}

const ownTokens = ({ tokens, gaps }: MeasuredUnits, begin: number, end: number): number => tokens[end]! - gaps[end - 1]! - tokens[begin]!;
