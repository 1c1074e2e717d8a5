import { stripVTControlCharacters } from 'node:util';
import { Command, CommanderError, InvalidArgumentError } from 'commander';

import { BuildFailure, UnusableInput } from '../../builds/build-error.ts';

/** What the user typed cannot be carried out: shown without a stack, exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was asked for could not be done: shown without a stack, exit status 1. */
export class Failure extends Error {
  override readonly name = 'Failure';
}

/** A command of `sluice`. Its actions resolve to nothing, and set `process.exitCode` when what they did found a fault. */
export const command = (name: string, summary: string): Command =>
  new Command(name)
    .summary(summary)
    .description(summary)
    .showSuggestionAfterError()
    .allowExcessArguments(false)
    .configureOutput({ writeOut: (text) => console.log(text.trimEnd()), writeErr: (text) => console.error(text.trimEnd()) })
    .exitOverride();

/** A parser of an option's value: a whole number in a range. */
export const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return value;
  };

/** A parser of an option's value: a number above 0. */
export const positive =
  (most = Infinity) =>
  (text: string): number => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
    if (!(value > 0 && value <= most)) {
      throw new InvalidArgumentError(`It must be a number above 0${most === Infinity ? '' : `, up to ${most}`}.`);
    }
    return value;
  };

/** Runs a command line: 0, what the command set, or 2 when it could not be understood, whose reason has been printed. */
export async function run(program: Command, words: readonly string[]): Promise<number> {
  try {
    checkHelp(program, words);
    await program.parseAsync([...words], { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Help that was asked for is no error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const isUsage = error instanceof UsageError || error instanceof UnusableInput;
    if (!(isUsage || error instanceof Failure || error instanceof BuildFailure || isOfSystem(error))) throw error;
    console.error(`error: ${error.message}`);
    return isUsage ? 2 : 1;
  }
}

/** What the operating system refused, such as a file that is not there: the message names it, and a stack says nothing more. */
const isOfSystem = (error: unknown): error is Error =>
  error instanceof Error && 'syscall' in error && 'code' in error && /^E[A-Z0-9]+$/.test(String(error.code));

/** Refuses help for a command that there is not: help of its group would look as if there were. */
function checkHelp(program: Command, words: readonly string[]): void {
  if (!words.includes('--help') && !words.includes('-h')) return;
  let group = program;
  for (const word of words) {
    if (word.startsWith('-') || group.commands.length === 0) return;
    const found = group.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (found === undefined)
      throw new UsageError(`unknown command '${word}': ${group.name()} has ${group.commands.map((one) => one.name()).join(', ')}`);
    group = found;
  }
}

/** A parser of an option's value: a date or time, as seconds since the epoch. */
export function secondsOf(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new InvalidArgumentError('It must be a date such as 2026-11-01, or a time such as 2026-11-01T12:00Z.');
  return Math.floor(ms / 1000);
}

/** What servers and repositories named must not move the cursor, or have the terminal do anything else. */
export const plainText = (text: string): string => stripVTControlCharacters(text).replaceAll(/\p{Cc}/gu, ' ');

/** Prints lines for people, with names that others chose. */
export const show = (text: string): void => console.log(text.split('\n').map(plainText).join('\n'));

const GAP = '  ';

/** Rows below their headings, each column as wide as its widest cell; numbers to the right. */
export function table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const texts = rows.map((row) => row.map(String));
  const widths = headings.map((heading, column) => Math.max(heading.length, ...texts.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[], isRight: (column: number) => boolean): string =>
    cells
      .map((cell, column) => (isRight(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join(GAP)
      .trimEnd();
  const isNumber = (column: number): boolean => rows.length > 0 && rows.every((row) => typeof row[column] === 'number');
  return [line(headings, isNumber), ...texts.map((row) => line(row, isNumber))].join('\n');
}
