import { RE2JS } from 're2js';

import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { GUARDRAIL_LIMITS } from '../../contract/guardrails/guardrail-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { SteppedWork } from '../../kernel/stepped-work.ts';
import type { Span } from './find-pii.ts';
import type { PatternProgram } from './pattern-program.ts';
import { compilePattern } from './pattern-program.ts';
import type { Found } from './pattern-search.ts';
import { PatternSearch } from './pattern-search.ts';
import { patternInstructionsMax } from './pattern-size.ts';

/** What the patterns of a policy have been compiled to so far. */
export interface PatternRoom {
  instructions: number;
}

/** Regular expressions that search a text in time linear in its length, whatever they are (RE2). */
export class PatternSet {
  readonly #programs: readonly PatternProgram[];

  private constructor(programs: readonly PatternProgram[]) {
    this.#programs = programs;
  }

  /**
   * Refuses what RE2 does not read, such as a look-behind or a back-reference, and what is compiled to more than may be, naming its place.
   * `room`: of all sets of a policy.
   */
  static compile(patterns: readonly string[], path: FieldPath, room: PatternRoom = { instructions: 0 }): Outcome<PatternSet> {
    const programs: PatternProgram[] = [];
    for (const [at, pattern] of patterns.entries()) {
      const program = compiled(pattern, room, [...path, at]);
      if (!program.ok) return program;
      programs.push(program.value);
    }
    return ok(new PatternSet(programs));
  }

  /** Where any of them matches, in the order of the text; of those that overlap the first, and of those the longest. Undefined: the work is exhausted. */
  async find(text: string, work: SteppedWork): Promise<Span[] | undefined> {
    const all: Found[] = [];
    for (const program of this.#programs) {
      const found = await new PatternSearch(program, text).run(work);
      if (found === undefined) return undefined;
      for (const one of found) all.push(one);
    }
    if (this.#programs.length > 1) all.sort((a, b) => a.start - b.start || b.end - a.end);
    const spans: Span[] = [];
    for (const { start, end } of all) if (start >= (spans.at(-1)?.end ?? 0)) spans.push({ start, end, kind: 'match' });
    return spans;
  }
}

function compiled(pattern: string, room: PatternRoom, path: FieldPath): Outcome<PatternProgram> {
  const size = patternInstructionsMax(pattern);
  const what = `is compiled to up to ${size} instructions`;
  if (size > GUARDRAIL_LIMITS.guardrailPatternInstructionsMax)
    return refuseBeyond({ path, limit: 'guardrailPatternInstructionsMax', value: size, what });
  room.instructions += size;
  if (room.instructions > GUARDRAIL_LIMITS.guardrailInstructionsMax)
    return refuseBeyond({
      path,
      limit: 'guardrailInstructionsMax',
      value: room.instructions,
      what: `makes ${room.instructions} instructions of all patterns of the version`,
      advice: 'use fewer patterns, or fewer and shorter repetitions in them',
    });
  try {
    if (RE2JS.compile(pattern).matcher('').find())
      return refuse('invalid_value', 'finds the empty text, so it would find everything', path);
    return ok(compilePattern(pattern));
  } catch (error) {
    return refuse('invalid_value', `is no regular expression in RE2's syntax: ${error instanceof Error ? error.message : ''}`, path);
  }
}
