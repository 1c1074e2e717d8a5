/** A function and how hard it is to read. */
export interface MeasuredFunction {
  /** With its class; a second one of the same name has `#2`. */
  readonly name: string;
  readonly line: number;
  readonly lastLine: number;
  readonly cognitive: number;
  /** Of it what only nesting adds: little of it is left in a flat list of cases, however long that is. */
  readonly nested: number;
  /** How deep its deepest structure lies, from 1. */
  readonly depth: number;
}

export interface SourceClass {
  readonly name: string;
  readonly line: number;
  readonly lastLine: number;
}

export interface SourceImport {
  /** As it is written; of Python with dots for packages. */
  readonly from: string;
  /** What is imported of it, where that may be modules, as in Python. */
  readonly names: readonly string[];
  /** Whether it takes part in running the module: imports of types and those inside of functions do not. */
  readonly isRun: boolean;
  /** Whether what is imported is needed while the module loads: then modules that import each other have to be loaded in one order. */
  readonly isAtLoad: boolean;
}

interface Todo {
  readonly line: number;
  readonly text: string;
}

/** What is known of a file from its text alone, and so is kept by the hash of the text. */
export interface AnalysedSource {
  readonly sha256: string;
  readonly isGenerated: boolean;
  /** A comment at its top says that it is deprecated: it waits to be deleted. */
  readonly isDeprecated: boolean;
  /** Lines that are neither blank nor comments. */
  readonly lines: number;
  readonly functions: readonly MeasuredFunction[];
  readonly classes: readonly SourceClass[];
  /** Lines of comments that say that code is as it is for speed; 0: all of the file is. */
  readonly speedLines: readonly number[];
  readonly imports: readonly SourceImport[];
  /** Names that a module of Python defines itself, outside of functions and classes, after its first import. */
  readonly defined: readonly string[];
  readonly typeHoles: Readonly<Record<string, number>>;
  readonly todos: readonly Todo[];
  /** `packLines` of the lines that duplication is looked for in. */
  readonly packedLines: string;
}

/** So many lines above code a comment may be about it. */
const ABOVE_LINES = 4;

/** Whether a comment in code, or right above it, says that it is as it is for speed. */
export const isForSpeed = ({ speedLines }: Pick<AnalysedSource, 'speedLines'>, line: number, lastLine: number): boolean =>
  speedLines.some((one) => one === 0 || (one >= line - ABOVE_LINES && one <= lastLine));

/** What a parser adds to what every language has. */
export interface ParsedSource {
  /** Where comments are: from and to. */
  readonly comments: readonly (readonly [number, number])[];
  /** Where imports, parameters, type variables and signatures without bodies are: they have to be written again. From and to. */
  readonly declarations: readonly (readonly [number, number])[];
  readonly functions: readonly MeasuredFunction[];
  readonly classes: readonly SourceClass[];
  readonly imports: readonly SourceImport[];
  readonly defined: readonly string[];
  readonly typeHoles: Readonly<Record<string, number>>;
}

/** The line of each position of a text, from 1, for positions that only rise. */
export function lineCounter(text: string): (position: number) => number {
  let [line, at] = [1, 0];
  return (position) => {
    // A position before the last one starts over.
    if (position < at) [line, at] = [1, 0];
    for (let next = text.indexOf('\n', at); next !== -1 && next < position; next = text.indexOf('\n', at)) {
      line += 1;
      at = next + 1;
    }
    return line;
  };
}

/** Names made different from each other: the second of a name has `#2`. */
export function distinctNames(): (name: string) => string {
  const counts = new Map<string, number>();
  return (name) => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  };
}
