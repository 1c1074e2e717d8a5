import { must } from '../../../../src/kernel/assert.ts';
import type { MeasuredFunction } from './analysed-source.ts';

interface Frame {
  readonly name: string;
  readonly line: number;
  readonly lastLine: number;
  cognitive: number;
  nesting: number;
  /** Of `cognitive` what only nesting adds. */
  nested: number;
  /** The deepest structure, from 1. */
  depth: number;
}

/**
 * Counts cognitive complexity (G. A. Campbell, SonarSource, 2018) while a parser's tree is walked: 1 for each break in the flow, and 1 more for
 * each level it is nested in. Unlike there, a guard at the top of a function, whose body only leaves, is free: a list of them is read in order [D23]. A function inside another one is counted by itself: what a reader has to keep in mind there is its own.
 */
export class CognitiveComplexity {
  readonly #frames: Frame[] = [];
  readonly #done: MeasuredFunction[] = [];

  enterFunction(name: string, line: number, lastLine: number): void {
    this.#frames.push({ name, line, lastLine, cognitive: 0, nesting: 0, nested: 0, depth: 0 });
  }

  leaveFunction(): void {
    const { name, line, lastLine, cognitive, nested, depth } = must(this.#frames.pop(), 'a function that is left was entered');
    this.#done.push({ name, line, lastLine, cognitive, nested, depth });
  }

  /** A branch or loop: dearer the deeper it is. Code outside of functions is not counted. */
  structure(): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    frame.cognitive += 1 + frame.nesting;
    frame.nested += frame.nesting;
    frame.depth = Math.max(frame.depth, frame.nesting + 1);
  }

  /** `else`, a sequence of boolean operators, a jump to a label. */
  single(): void {
    const frame = this.#frames.at(-1);
    if (frame !== undefined) frame.cognitive += 1;
  }

  /** Nothing of the function that is walked is around what is walked now. */
  get isAtTop(): boolean {
    return this.#frames.at(-1)?.nesting === 0;
  }

  nest(by: 1 | -1): void {
    const frame = this.#frames.at(-1);
    if (frame !== undefined) frame.nesting += by;
  }

  get functions(): readonly MeasuredFunction[] {
    return this.#done;
  }
}
