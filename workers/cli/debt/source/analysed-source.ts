/** A function and how hard it is to read. */
export interface MeasuredFunction {
  /** With its class; a second one of the same name has `#2`. */
  readonly name: string;
  readonly line: number;
  readonly lastLine: number;
  readonly cognitive: number;
}

export interface SourceImport {
  /** As it is written; of Python with dots for packages. */
  readonly from: string;
  /** What is imported of it, where that may be modules, as in Python. */
  readonly names: readonly string[];
  /** Whether it takes part in running the module: imports of types and those inside of functions do not. */
  readonly isRun: boolean;
}

interface Todo {
  readonly line: number;
  readonly text: string;
}

/** What is known of a file from its text alone, and so is kept by the hash of the text. */
export interface AnalysedSource {
  readonly sha256: string;
  readonly isGenerated: boolean;
  /** Lines that are neither blank nor comments. */
  readonly lines: number;
  readonly functions: readonly MeasuredFunction[];
  readonly imports: readonly SourceImport[];
  /** Names that a module of Python defines itself, at its top. */
  readonly defined: readonly string[];
  readonly typeHoles: Readonly<Record<string, number>>;
  readonly todos: readonly Todo[];
  /** `packLines` of the lines that duplication is looked for in. */
  readonly packedLines: string;
}

/** What a parser adds to what every language has. */
export interface ParsedSource {
  /** Where comments are: from and to. */
  readonly comments: readonly (readonly [number, number])[];
  /** Where imports, parameters, type variables and signatures without bodies are: they have to be written again. From and to. */
  readonly declarations: readonly (readonly [number, number])[];
  readonly functions: readonly MeasuredFunction[];
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
