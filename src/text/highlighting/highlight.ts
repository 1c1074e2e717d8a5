import type { Analyser } from '../analysis/analyser.ts';
import type { CompiledQuery } from '../query/compiled-query.ts';
import type { Match } from './query-matches.ts';
import { matchesIn } from './query-matches.ts';

export interface FragmentOptions {
  /** The most UTF-16 units of a fragment. */
  readonly fragmentChars: number;
  /** The most fragments. */
  readonly fragments: number;
}

/** A part of a text, and the matches in it. */
export interface Fragment {
  /** Where it begins in the text, in UTF-16 units. */
  readonly start: number;
  readonly text: string;
  /** Where matches begin and end in `text`, ascending and apart. */
  readonly matches: readonly (readonly [begin: number, end: number])[];
}

/** A stretch of a text around matches, and what it is worth. */
interface Window {
  readonly start: number;
  readonly end: number;
  readonly worth: number;
}

/**
 * The parts of a text that show best why a query matches it, in the order of the text: those with the most different words of the query,
 * weighted. None where nothing matches.
 */
export function highlight(text: string, analyser: Analyser, query: CompiledQuery, options: FragmentOptions): Fragment[] {
  const matches = matchesIn(text, analyser, query).sort((a, b) => a.start - b.start || b.end - a.end);
  const chosen: Window[] = [];
  for (const window of windowsOf(matches, options.fragmentChars)) {
    if (chosen.length === options.fragments) break;
    if (chosen.every((other) => window.end <= other.start || window.start >= other.end)) chosen.push(window);
  }
  return framed(
    text,
    chosen.sort((a, b) => a.start - b.start),
    matches,
    options.fragmentChars,
  );
}

/** For each match the longest stretch that begins with it, best first; of a match that is too long, its start. */
function windowsOf(matches: readonly Match[], chars: number): Window[] {
  const windows = matches.map(({ start }, first) => {
    const seen = new Map<number, number>();
    let end = start;
    for (let i = first; i < matches.length; i += 1) {
      const match = matches[i];
      if (match === undefined || match.start >= start + chars) break;
      if (match.end > start + chars && i > first) continue;
      end = Math.max(end, Math.min(match.end, start + chars));
      seen.set(match.leaf, match.weight);
    }
    return { start, end, worth: [...seen.values()].reduce((sum, weight) => sum + weight, 0) };
  });
  return windows.sort((a, b) => b.worth - a.worth || a.start - b.start);
}

/** Each window with as much around it as its fragment has room for, without cutting words or reaching into its neighbours. */
function framed(text: string, windows: readonly Window[], matches: readonly Match[], chars: number): Fragment[] {
  let behind = 0;
  return windows.map(({ start, end }, i) => {
    const room = chars - (end - start);
    const from = Math.max(behind, start - Math.floor(room / 2));
    const to = Math.min(windows[i + 1]?.start ?? text.length, from + chars);
    const begin = from === 0 || from === behind ? from : wordStart(text, from, start);
    const close = to === text.length ? to : wordEnd(text, to, end);
    behind = close;
    return { start: begin, text: text.slice(begin, close), matches: mergedWithin(matches, begin, close) };
  });
}

/** Behind the first space from `from` on, if there is one before `limit`; never within a character. */
function wordStart(text: string, from: number, limit: number): number {
  for (let at = from; at < limit; at += 1) if (/\s/.test(text.charAt(at - 1))) return at;
  return isLowHalf(text, from) ? Math.min(from + 1, limit) : from;
}

/** The last space before `to`, if there is one behind `limit`; never within a character. */
function wordEnd(text: string, to: number, limit: number): number {
  for (let at = to; at > limit; at -= 1) if (/\s/.test(text.charAt(at))) return at;
  return isLowHalf(text, to) ? to - 1 : to;
}

const isLowHalf = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xdc00;

/** Matches in a fragment, those that touch or overlap as one, from the fragment's start on. */
function mergedWithin(matches: readonly Match[], begin: number, close: number): [number, number][] {
  const merged: [number, number][] = [];
  for (const { start, end } of matches) {
    if (start < begin || start >= close) continue;
    const last = merged.at(-1);
    const stop = Math.min(end, close) - begin;
    if (last !== undefined && start - begin <= last[1]) last[1] = Math.max(last[1], stop);
    else merged.push([start - begin, stop]);
  }
  return merged;
}
