/** What a part of an expression comes to at most, and what of it a repetition repeats. */
interface Group {
  instructions: number;
  /** Of what stands last. */
  last: number;
}

const REPETITION = /\{(\d{1,9})(?:(,)(\d{1,9})?)?\}/y;
/** Escapes of several characters: classes of Unicode, characters by their numbers. */
const LONG_ESCAPE = /\\(?:[pP]\{[^}]*\}|x\{[^}]*\}|x[0-9A-Fa-f]{2}|[0-7]{1,3})/y;
const QUOTED = /\\Q([\s\S]*?)(?:\\E|$)/y;
/** A class: a bracket that comes first is one of its characters, and named classes have brackets of their own. */
const CLASS = /\[\^?\]?(?:\[:\^?\w+:\]|\\[\s\S]|[^\]\\])*\]/y;
/** Of one that stands for itself: it begins and ends what it is a part of. */
const SELF = 3;

/**
 * How many instructions a regular expression of RE2 is compiled to at most: repetitions are written out as often as they may be taken. Found by
 * its text alone, so that an expression that is too large is never compiled. [U111]
 */
export const patternInstructionsMax = (pattern: string): number => new PatternSize(pattern).instructions();

class PatternSize {
  readonly #pattern: string;
  readonly #groups: Group[] = [{ instructions: SELF, last: 0 }];

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  instructions(): number {
    for (let at = 0; at < this.#pattern.length;) at += this.#take(at);
    return this.#groups.reduce((sum, { instructions }) => sum + instructions, 0);
  }

  /** Takes what stands at a place; answers how long it is. */
  #take(at: number): number {
    const quoted = tokenAt(QUOTED, this.#pattern, at);
    if (quoted !== undefined) {
      this.#add(quoted.length, 1);
      return quoted.length;
    }
    const repetition = repeatedAt(this.#pattern, at);
    if (repetition !== undefined) {
      // Each time that may be the last one begins with a choice.
      this.#add(repetition.times * this.#last.last + repetition.choices + 2);
      return repetition.length;
    }
    const whole = tokenAt(LONG_ESCAPE, this.#pattern, at) ?? tokenAt(CLASS, this.#pattern, at);
    if (whole !== undefined) this.#add(1);
    else this.#takeOne(this.#pattern[at]!);
    return whole?.length ?? (this.#pattern[at] === '\\' ? 2 : 1);
  }

  #takeOne(char: string): void {
    if (char === '(') this.#groups.push({ instructions: SELF, last: 0 });
    else if (char === ')' && this.#groups.length > 1) this.#add(this.#groups.pop()!.instructions);
    else if (char === '*' || char === '+' || char === '?') this.#add(2, this.#last.last + 2);
    else this.#add(char === '|' ? 2 : 1);
  }

  get #last(): Group {
    return this.#groups.at(-1)!;
  }

  #add(instructions: number, last = instructions): void {
    this.#last.instructions += instructions;
    this.#last.last = last;
  }
}

function tokenAt(form: RegExp, pattern: string, at: number): string | undefined {
  form.lastIndex = at;
  return form.exec(pattern)?.[0];
}

function repeatedAt(pattern: string, at: number) {
  REPETITION.lastIndex = at;
  const [whole, least, comma, most] = REPETITION.exec(pattern) ?? [];
  if (whole === undefined) return undefined;
  const times = Math.max(1, Number(least), Number(most ?? 0));
  return { times, choices: comma === undefined ? 0 : times - Number(least) + 1, length: whole.length };
}
