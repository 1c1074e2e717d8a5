/** A line of code without comments and with single spaces. */
export interface CodeLine {
  readonly line: number;
  readonly text: string;
  /** It only declares, such as an import or parameters: it belongs to a clone, and makes none. */
  readonly isDeclaration?: boolean;
}

/** A file that duplication is looked for in. */
export interface ClonableFile {
  readonly path: string;
  readonly packedLines: string;
}

/** The longest run of equal lines that two files, or two places of one, have in common. */
export interface Clone {
  readonly path: string;
  readonly other: string;
  /** Lines of code in a row: blank lines and comments between them are not compared. */
  readonly lines: number;
  readonly tokens: number;
  readonly line: number;
  readonly lastLine: number;
  readonly otherLine: number;
  readonly otherLastLine: number;
  /** Where it begins among the lines of code of each file. */
  readonly at: number;
  readonly otherAt: number;
  /** Runs that are long enough. */
  readonly runs: number;
}

/** Shorter runs are alike by chance: SonarQube takes 10 lines and, of most languages, 100 tokens. */
const LINES_MIN = 10;
const TOKENS_MIN = 100;
/** What stands in more places is the way that a library is used, and not copied. */
const PLACES_MAX = 20;
const TOKEN = /\w+|[^\s\w]/g;

/** Lines for the search: hash, number and tokens of each, as text that can be kept. A declaration has no tokens. */
export function packLines(lines: readonly CodeLine[]): string {
  return lines
    .map(({ line, text, isDeclaration = false }) => {
      const tokens = isDeclaration ? 0 : (text.match(TOKEN)?.length ?? 0);
      return `${fnv1a(text).toString(36)},${line.toString(36)},${tokens.toString(36)}`;
    })
    .join(';');
}

interface Lines {
  readonly path: string;
  readonly hashes: Uint32Array;
  readonly numbers: Uint32Array;
  readonly tokens: Uint32Array;
}

function unpack({ path, packedLines }: ClonableFile): Lines {
  const rows = packedLines === '' ? [] : packedLines.split(';');
  const [hashes, numbers, tokens] = [new Uint32Array(rows.length), new Uint32Array(rows.length), new Uint32Array(rows.length)];
  rows.forEach((row, i) => {
    const [hash = '', number = '', count = ''] = row.split(',');
    hashes[i] = Number.parseInt(hash, 36);
    numbers[i] = Number.parseInt(number, 36);
    tokens[i] = Number.parseInt(count, 36);
  });
  return { path, hashes, numbers, tokens };
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** A run of equal lines, by positions among the lines of their files. */
interface Run {
  readonly from: number;
  readonly otherFrom: number;
  readonly length: number;
  readonly tokens: number;
}

/**
 * Code that occurs in two files, or twice in one: at least 10 lines in a row with 100 tokens that are no declarations. A pair of files is one clone,
 * whose id outlives edits of either, and whose length is that of its longest run. [D12]
 */
export function clonesIn(files: readonly ClonableFile[]): Clone[] {
  const all = files.map(unpack);
  const clones: Clone[] = [];
  for (const [pair, starts] of commonWindows(all)) {
    const [a = 0, b = 0] = pair.split(' ').map(Number);
    const [file, other] = [all[a], all[b]];
    if (file === undefined || other === undefined) continue;
    const clone = cloneOf(file, other, runsOf(file, other, starts));
    if (clone !== undefined) clones.push(clone);
  }
  return clones;
}

/** Of each pair of files the positions at which a window of lines is the same. */
function commonWindows(all: readonly Lines[]): ReadonlyMap<string, (readonly [number, number])[]> {
  const places = new Map<number, number[]>();
  all.forEach(({ hashes }, file) => {
    for (let at = 0; at + LINES_MIN <= hashes.length; at += 1) {
      const key = windowHash(hashes, at);
      const known = places.get(key);
      if (known === undefined) places.set(key, [file, at]);
      else known.push(file, at);
    }
  });
  const pairs = new Map<string, (readonly [number, number])[]>();
  for (const known of places.values()) {
    if (known.length < 4 || known.length > PLACES_MAX * 2) continue;
    // Each place with the next one: three copies are two clones.
    for (let i = 0; i + 3 < known.length; i += 2) {
      const [file, at, other, otherAt] = known.slice(i, i + 4) as [number, number, number, number];
      const key = `${file} ${other}`;
      const starts = pairs.get(key);
      if (starts === undefined) pairs.set(key, [[at, otherAt]]);
      else starts.push([at, otherAt]);
    }
  }
  return pairs;
}

/** 48 bits of a window: runs are compared line by line afterwards. */
function windowHash(hashes: Uint32Array, at: number): number {
  let [low, high] = [0, 7];
  for (let i = at; i < at + LINES_MIN; i += 1) {
    low = Math.imul(low ^ (hashes[i] ?? 0), 0x01000193);
    high = Math.imul(high, 31) + (hashes[i] ?? 0);
  }
  return (low >>> 0) * 0x10000 + (high & 0xffff);
}

/** The runs that windows of a pair belong to, each as long as it goes in both directions and long enough to be a clone. */
function runsOf(file: Lines, other: Lines, starts: readonly (readonly [number, number])[]): Run[] {
  const runs: Run[] = [];
  // Windows of one run are as far apart in one file as in the other.
  const endOf = new Map<number, number>();
  for (const [at, otherAt] of [...starts].sort((x, y) => x[0] - y[0])) {
    const distance = otherAt - at;
    if (at < (endOf.get(distance) ?? 0)) continue;
    const from = runStart(file, at, other, otherAt);
    const length = commonLength(file, from, other, from + distance);
    endOf.set(distance, from + length);
    const run = countedRun(file, from, from + length, distance);
    if (run !== undefined) runs.push(run);
  }
  return runs;
}

function runStart(file: Lines, at: number, other: Lines, otherAt: number): number {
  let back = 0;
  while (back < at && back < otherAt && file.hashes[at - back - 1] === other.hashes[otherAt - back - 1]) back += 1;
  return at - back;
}

/** How many lines are the same; within one file, the first run ends where the second begins. */
function commonLength(file: Lines, from: number, other: Lines, otherFrom: number): number {
  const longest = Math.min(file === other ? otherFrom - from : Infinity, file.hashes.length - from, other.hashes.length - otherFrom);
  let length = 0;
  while (length < longest && file.hashes[from + length] === other.hashes[otherFrom + length]) length += 1;
  return length;
}

/** A run without the declarations at its ends; undefined: what is left of it is too short. */
function countedRun({ tokens }: Lines, start: number, end: number, distance: number): Run | undefined {
  let [from, to] = [start, end];
  while (from < to && tokens[from] === 0) from += 1;
  while (from < to && tokens[to - 1] === 0) to -= 1;
  const counted = tokens.subarray(from, to).filter((count) => count > 0);
  const sum = counted.reduce((all, count) => all + count, 0);
  if (counted.length < LINES_MIN || sum < TOKENS_MIN) return undefined;
  return { from, otherFrom: from + distance, length: to - from, tokens: sum };
}

function cloneOf(file: Lines, other: Lines, runs: readonly Run[]): Clone | undefined {
  const [first, ...rest] = runs;
  if (first === undefined) return undefined;
  const { from, otherFrom, length, tokens } = rest.reduce((longest, run) => (run.length > longest.length ? run : longest), first);
  return {
    path: file.path,
    other: other.path,
    lines: length,
    tokens,
    line: file.numbers[from] ?? 0,
    lastLine: file.numbers[from + length - 1] ?? 0,
    otherLine: other.numbers[otherFrom] ?? 0,
    otherLastLine: other.numbers[otherFrom + length - 1] ?? 0,
    at: from,
    otherAt: otherFrom,
    runs: runs.length,
  };
}
