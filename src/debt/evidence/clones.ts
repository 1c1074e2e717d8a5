/** A line of code without comments and with single spaces. */
export interface CodeLine {
  readonly line: number;
  readonly text: string;
}

/** A file that duplication is looked for in. */
export interface ClonableFile {
  readonly path: string;
  readonly packedLines: string;
}

/** The same code in two files, or twice in one. */
export interface Clone {
  readonly path: string;
  readonly other: string;
  readonly lines: number;
  readonly tokens: number;
  readonly line: number;
  readonly otherLine: number;
  /** Pieces of which these lines are. */
  readonly blocks: number;
}

/** Shorter pieces are alike by chance: SonarQube takes 10 lines, PMD's and jscpd's default 50 to 100 tokens. */
const LINES_MIN = 6;
const TOKENS_MIN = 60;
/** What stands in more places is the way that a library is used, and not copied. */
const PLACES_MAX = 20;
const TOKEN = /\w+|[^\s\w]/g;

/** Lines for the search: hash, number and tokens of each, as text that can be kept. */
export function packLines(lines: readonly CodeLine[]): string {
  return lines
    .map(({ line, text }) => `${fnv1a(text).toString(36)},${line.toString(36)},${(text.match(TOKEN)?.length ?? 0).toString(36)}`)
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

/** A piece that two places have in common, by positions among the lines of their files. */
interface Block {
  readonly from: number;
  readonly otherFrom: number;
  readonly length: number;
}

/**
 * Code that occurs in two files, or twice in one, by runs of equal lines: at least 6 lines and 60 tokens. All pieces of a pair of files are one
 * clone, whose id outlives edits of either. [D12]
 */
export function clonesIn(files: readonly ClonableFile[]): Clone[] {
  const all = files.map(unpack);
  const clones: Clone[] = [];
  for (const [pair, starts] of commonWindows(all)) {
    const [a = 0, b = 0] = pair.split(' ').map(Number);
    const [file, other] = [all[a], all[b]];
    if (file === undefined || other === undefined) continue;
    const clone = cloneOf(file, other, blocksOf(file, other, starts));
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

/** 48 bits of a window: pieces are compared line by line afterwards. */
function windowHash(hashes: Uint32Array, at: number): number {
  let [low, high] = [0, 7];
  for (let i = at; i < at + LINES_MIN; i += 1) {
    low = Math.imul(low ^ (hashes[i] ?? 0), 0x01000193);
    high = Math.imul(high, 31) + (hashes[i] ?? 0);
  }
  return (low >>> 0) * 0x10000 + (high & 0xffff);
}

/** The windows of a pair joined to pieces that are as long as they go and do not overlap. */
function blocksOf(file: Lines, other: Lines, starts: readonly (readonly [number, number])[]): Block[] {
  const blocks: Block[] = [];
  let [end, otherEnd] = [-1, -1];
  for (const [from, otherFrom] of [...starts].sort((x, y) => x[0] - y[0] || x[1] - y[1])) {
    if (from < end || otherFrom < otherEnd) continue;
    const length = commonLength(file, from, other, otherFrom);
    if (length < LINES_MIN) continue;
    blocks.push({ from, otherFrom, length });
    [end, otherEnd] = [from + length, otherFrom + length];
  }
  return blocks;
}

/** How many lines are the same; within one file, the first piece ends where the second begins. */
function commonLength(file: Lines, from: number, other: Lines, otherFrom: number): number {
  const longest = Math.min(file === other ? otherFrom - from : Infinity, file.hashes.length - from, other.hashes.length - otherFrom);
  let length = 0;
  while (length < longest && file.hashes[from + length] === other.hashes[otherFrom + length]) length += 1;
  return length;
}

function cloneOf(file: Lines, other: Lines, blocks: readonly Block[]): Clone | undefined {
  const large = blocks.filter(
    ({ from, length }) => file.tokens.subarray(from, from + length).reduce((sum, one) => sum + one, 0) >= TOKENS_MIN,
  );
  const [first] = large;
  if (first === undefined) return undefined;
  let [lines, tokens] = [0, 0];
  for (const { from, length } of large) {
    lines += length;
    for (let i = from; i < from + length; i += 1) tokens += file.tokens[i] ?? 0;
  }
  const line = file.numbers[first.from] ?? 0;
  return { path: file.path, other: other.path, lines, tokens, line, otherLine: other.numbers[first.otherFrom] ?? 0, blocks: large.length };
}
