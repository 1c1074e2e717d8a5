import type { SteppedWork } from '../../kernel/stepped-work.ts';
import type { CharacterTest, PatternProgram } from './pattern-program.ts';
import { OP } from './pattern-program.ts';

/** Matches one behind the other, the last one first. */
interface Matches {
  readonly start: number;
  readonly end: number;
  readonly before: Matches | undefined;
}

/** Where a match lies, in UTF-16 units. */
export interface Found {
  readonly start: number;
  readonly end: number;
}

/** Characters that are passed over between two looks at the work. */
const PASSED_CHARS = 4_096;
/** Passing over so many takes as long as an instruction. */
const CHARS_PER_UNIT = 8;

const UNITS_TO_BEGIN = 20;

/** Threads of one place of the text, those that are preferred first; a state has one thread, the first that reaches it. */
class Threads {
  readonly pcs: Int32Array;
  readonly starts: Int32Array;
  readonly before: (Matches | undefined)[] = [];
  readonly #places: Int32Array;
  count = 0;

  constructor(states: number) {
    this.pcs = new Int32Array(states);
    this.starts = new Int32Array(states);
    this.#places = new Int32Array(states);
  }

  has(pc: number): boolean {
    const place = this.#places[pc]!;
    return place < this.count && this.pcs[place] === pc;
  }

  add(pc: number, start: number, before: Matches | undefined): void {
    this.#places[pc] = this.count;
    this.pcs[this.count] = pc;
    this.starts[this.count] = start;
    this.before[this.count] = before;
    this.count += 1;
  }
}

/** Of searches that have ended: a body may have thousands of short texts. */
const idle = new WeakMap<PatternProgram, [Threads, Threads][]>();

function idleOf(program: PatternProgram): [Threads, Threads][] {
  const known = idle.get(program) ?? [];
  idle.set(program, known);
  return known;
}

/**
 * All matches of an expression in a text, leftmost first and preferred as Perl does, in one pass: each character costs at most two steps of
 * each instruction, also where a match is preferred to one that is known already and then does not come. Pike's simulation (R. Cox, "Regular
 * expression matching: the virtual machine approach", 2009), in which a thread also knows the matches before its own: behind a match the
 * search for the next one begins at once, as the least preferred thread, and is given up if a preferred thread matches after all. Of two threads in one
 * state the less preferred can decide nothing, so it ends. Matches of no characters are none. [U111]
 */
export class PatternSearch {
  readonly #program: PatternProgram;
  readonly #text: string;
  readonly #stack: number[] = [];
  readonly #threads: [Threads, Threads];
  #now: Threads;
  #next: Threads;
  /** Behind these the next match is looked for. */
  #known: Matches | undefined;
  #at = 0;
  #units = 0;

  constructor(program: PatternProgram, text: string) {
    this.#program = program;
    this.#text = text;
    const states = program.ops.length;
    this.#threads = idleOf(program).pop() ?? [new Threads(states), new Threads(states)];
    [this.#now, this.#next] = this.#threads;
    this.#now.count = 0;
  }

  /** In the order of the text. Undefined: the work is exhausted. */
  async run(work: SteppedWork): Promise<Found[] | undefined> {
    if (work.spend(UNITS_TO_BEGIN) && !(await work.turn())) return undefined;
    while (this.#at <= this.#text.length) {
      if (this.#now.count === 0) this.#pass();
      this.#step();
      const units = this.#units;
      this.#units = 0;
      if (work.spend(units) && !(await work.turn())) return undefined;
    }
    idleOf(this.#program).push(this.#threads);
    const found: Found[] = [];
    for (let match = this.#known; match !== undefined; match = match.before) found.push({ start: match.start, end: match.end });
    return found.toReversed();
  }

  /** Goes on to where a match may begin, or some way there. */
  #pass(): void {
    const { firsts, prefix } = this.#program;
    const [text, from] = [this.#text, this.#at];
    const end = Math.min(from + PASSED_CHARS, text.length);
    let at = from;
    if (prefix !== '') {
      const found = text.slice(from, end + prefix.length).indexOf(prefix);
      at = found < 0 ? end : from + found;
    } else while (at < end && firsts[text.charCodeAt(at)] === 0) at += 1;
    this.#at = at;
    this.#units += 1 + (at - from) / CHARS_PER_UNIT;
  }

  /** One character. */
  #step(): void {
    const { ops, argument, next, tests, start } = this.#program;
    const [now, then] = [this.#now, this.#next];
    const at = this.#at;
    const codePoint = this.#text.codePointAt(at) ?? -1;
    const behind = at + (codePoint > 0xffff ? 2 : 1);
    const [place, placeBehind] = [this.#placeAt(at), this.#placeAt(behind)];
    this.#add(now, start, at, this.#known, place);
    then.count = 0;
    for (let thread = 0; thread < now.count; thread += 1) {
      this.#units += 1;
      const pc = now.pcs[thread]!;
      if (ops[pc] === OP.character) {
        if (takes(tests[argument[pc]!]!, codePoint)) this.#add(then, next[pc]!, now.starts[thread]!, now.before[thread], placeBehind);
      } else if (ops[pc] === OP.match && now.starts[thread]! < at) {
        this.#known = { start: now.starts[thread]!, end: at, before: now.before[thread] };
        // All that is less preferred ends.
        now.count = thread;
        this.#add(now, start, at, this.#known, place);
        thread -= 1;
      }
    }
    [this.#now, this.#next] = [then, now];
    this.#at = behind;
  }

  /** Adds the threads that one comes to without taking a character. */
  #add(threads: Threads, from: number, start: number, before: Matches | undefined, place: number): void {
    const { ops, next, argument } = this.#program;
    const stack = this.#stack;
    stack.push(from);
    for (let pc = stack.pop(); pc !== undefined; pc = stack.pop()) {
      this.#units += 1;
      if (threads.has(pc)) continue;
      const op = ops[pc];
      // Splits and assertions keep their place among the threads, so that they are followed once.
      threads.add(pc, start, before);
      if (op === OP.split) stack.push(argument[pc]!, next[pc]!);
      else if (op === OP.assertion && (argument[pc]! & ~place) === 0) stack.push(next[pc]!);
    }
  }

  /** What holds between two characters, as bits: beginning and end of a line, of the text, of a word, and none of a word. */
  #placeAt(at: number): number {
    const text = this.#text;
    const [left, right] = [at > 0 ? text.charCodeAt(at - 1) : -1, at < text.length ? text.charCodeAt(at) : -1];
    let place = 0;
    if (left < 0) place |= PLACE.lineBegins | PLACE.textBegins;
    if (left === NEWLINE) place |= PLACE.lineBegins;
    if (right < 0) place |= PLACE.lineEnds | PLACE.textEnds;
    if (right === NEWLINE) place |= PLACE.lineEnds;
    return place | (isWord(left) === isWord(right) ? PLACE.noWordEdge : PLACE.wordEdge);
  }
}

const PLACE = { lineBegins: 1, lineEnds: 2, textBegins: 4, textEnds: 8, wordEdge: 16, noWordEdge: 32 } as const;
const NEWLINE = 10;

const takes = (test: CharacterTest, codePoint: number): boolean => (codePoint < 128 ? test.ascii[codePoint] === 1 : test.takes(codePoint));

const isWord = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) || code === 95;
