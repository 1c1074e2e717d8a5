import { RE2JS } from 're2js';

import { assert } from '../../kernel/assert.ts';

/** What instructions do; `fail` ends its thread. */
export const OP = { fail: 0, split: 1, assertion: 2, character: 3, match: 4 } as const;

/** Which characters an instruction takes. */
export interface CharacterTest {
  /** By code, of the first 128. */
  readonly ascii: Uint8Array;
  readonly takes: (codePoint: number) => boolean;
}

/**
 * The program of an expression (R. Cox, "Regular expression matching: the virtual machine approach", 2009), as RE2 compiles it, without what
 * captures. Instruction `pc` goes on at `next[pc]`; a split also, if that fails, at `argument[pc]`, which is the condition of an assertion (bits
 * of `placeAt`) and the number of the test of a character.
 */
export interface PatternProgram {
  readonly start: number;
  readonly ops: Uint8Array;
  readonly next: Int32Array;
  readonly argument: Int32Array;
  readonly tests: readonly CharacterTest[];
  /** Which of the first 128 characters a match may begin with. */
  readonly firsts: Uint8Array;
  /** A text that every match begins with; empty: none is known. */
  readonly prefix: string;
}

/** An instruction as the library has it; see its `Inst`. */
interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  readonly runes: Int32Array;
  matchRune(codePoint: number): boolean;
}

/** The library's codes of instructions. */
const RE2_OP = { split: 1, splitMatch: 2, capture: 3, assertion: 4, fail: 5, match: 6, none: 7, class: 8, one: 9, any: 10, anyOfLine: 11 };
const ASCII = 128;
const NEWLINE = 10;

/** Throws what the library throws for an expression that is none. */
export function compilePattern(pattern: string): PatternProgram {
  const { prog, prefix } = RE2JS.compile(pattern).re2();
  const instructions = prog.inst as readonly Instruction[];
  const [ops, next, argument] = [new Uint8Array(instructions.length), ...[0, 1].map(() => new Int32Array(instructions.length))];
  const tests: CharacterTest[] = [];
  const known = new Map<string, number>();
  for (const [pc, instruction] of instructions.entries()) {
    ops[pc] = opOf(instruction);
    next![pc] = skipped(instructions, instruction.out);
    if (ops[pc] === OP.split) argument![pc] = skipped(instructions, instruction.arg);
    else if (ops[pc] === OP.assertion) argument![pc] = instruction.arg;
    else if (ops[pc] === OP.character) {
      const key = `${instruction.op} ${instruction.arg} ${instruction.runes.join()}`;
      const test = known.get(key) ?? tests.push(testOf(instruction)) - 1;
      known.set(key, test);
      argument![pc] = test;
    }
  }
  const start = skipped(instructions, prog.start as number);
  const program = { start, ops, next: next!, argument: argument!, tests, prefix: prefix as string };
  return { ...program, firsts: firstsOf(program) };
}

function opOf({ op }: Instruction): number {
  if (op === RE2_OP.split || op === RE2_OP.splitMatch) return OP.split;
  if (op === RE2_OP.assertion) return OP.assertion;
  if (op === RE2_OP.match) return OP.match;
  if (op >= RE2_OP.class && op <= RE2_OP.anyOfLine) return OP.character;
  assert(op === RE2_OP.fail || op === RE2_OP.capture || op === RE2_OP.none, `an instruction ${op} that is not known`);
  return OP.fail;
}

/** The instruction that is reached by those that only note where they are. */
function skipped(instructions: readonly Instruction[], from: number): number {
  let pc = from;
  for (let at = instructions[pc]; at?.op === RE2_OP.capture || at?.op === RE2_OP.none; at = instructions[pc]) pc = at.out;
  return pc;
}

function testOf(instruction: Instruction): CharacterTest {
  const takes = takesOf(instruction);
  return { ascii: Uint8Array.from({ length: ASCII }, (_, code) => Number(takes(code))), takes };
}

function takesOf(instruction: Instruction): CharacterTest['takes'] {
  const [one] = instruction.runes;
  if (instruction.op === RE2_OP.any) return () => true;
  if (instruction.op === RE2_OP.anyOfLine) return (codePoint) => codePoint !== NEWLINE;
  if (instruction.op === RE2_OP.one) return (codePoint) => codePoint === one;
  return (codePoint) => instruction.matchRune(codePoint);
}

/** Whatever the assertions at the beginning ask for. */
function firstsOf({ start, ops, next, argument, tests }: Omit<PatternProgram, 'firsts'>): Uint8Array {
  const firsts = new Uint8Array(ASCII);
  const seen = new Set([start]);
  // The set grows while it is walked.
  for (const pc of seen) {
    const op = ops[pc];
    if (op === OP.split) seen.add(next[pc]!).add(argument[pc]!);
    else if (op === OP.assertion) seen.add(next[pc]!);
    else if (op === OP.character) for (let code = 0; code < ASCII; code += 1) firsts[code]! |= tests[argument[pc]!]!.ascii[code]!;
  }
  return firsts;
}
