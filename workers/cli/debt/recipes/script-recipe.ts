import { basename, dirname, extname, join, posix } from 'node:path';

import type { BuildRecipe, RecipeInput } from '../../../../src/contract/debt/build-recipe.ts';

/** What runs a script without a first line that says so. */
const PROGRAMS: Readonly<Record<string, string>> = {
  '.sh': 'sh',
  '.bash': 'bash',
  '.py': 'python3',
  '.js': 'node',
  '.mjs': 'node',
  '.ts': 'node',
};

/** Whether a recipe is a script, and no JSON that describes a command. */
export const isScript = (path: string): boolean => extname(path) in PROGRAMS;

/** The statement of a recipe lies beside it; a folder may have many scripts. */
export const provenanceFileOf = (path: string): string =>
  isScript(path) ? `${path}.provenance.json` : join(dirname(path), 'provenance.json');

const SHA256 = /\b[0-9a-f]{64}\b/;
/** As `sha256sum` writes and checks them: the hash, two blanks or a blank and a star, the file. */
const CHECKSUM = /\b([0-9a-f]{64})(?:  | \*)([\w./-]+)/g;
const URL = /https?:\/\/[^\s'"`)>;|]+/g;
/** `curl -o data/a.csv URL`, `wget -O data/a.csv URL`, `curl URL > data/a.csv`. */
const SAVED = /(?:\s-o\s*|\s-O\s*|\s--output[= ]|\s--output-document[= ]|>\s*)['"]?([\w./-]+)/;
/** What `pip` and `npm` are asked for; options and files of requirements are none. */
const INSTALLED = /\b(pip3?|npm)\s+(?:install|i)\s+([^\n;&|]+)/g;
const PIP_HASH = /--hash=sha256:([0-9a-f]{64})/;
/** Lines relative to that of an address on which the hash of what lies there may stand, the likeliest first. */
const NEAR = [0, 1, 2, -1];

/** What writes the file that it is followed by. */
const WRITES =
  /(?:>>?|\s-o|\s-O|\s--out(?:put|-file|file)?[= ]|\btee(?:\s-a)?\s|\b(?:write\w*|save\w*|to_[a-z]+|dump|savetxt|createWriteStream)\s*\((?:[\w.]+,\s*)?)\s*['"]?([\w./-]+)/gi;
const OPENED_TO_WRITE = /\bopen\(\s*['"]([\w./-]+)['"]\s*,\s*['"][wax]/g;
const WORD = /[\w./-]+/g;

/** A script as a recipe: what its text says of inputs, and which committed files it writes. [D111] */
export function recipeOfScript(
  path: string,
  text: string,
  /** The SHA-256 of a committed file; undefined: there is none. */
  committed: (path: string) => string | undefined,
): BuildRecipe {
  const written = new Set([...text.matchAll(WRITES), ...text.matchAll(OPENED_TO_WRITE)].map(([, word = '']) => posix.normalize(word)));
  const named = new Set([...text.matchAll(WORD)].map(([word]) => posix.normalize(word)));
  named.delete(posix.normalize(path));
  const outputs = [...written].sort().flatMap((one) => given(committed(one), (sha256) => ({ path: one, sha256 })));
  // What is committed is pinned by the commit.
  const read = [...named]
    .sort()
    .filter((one) => !written.has(one))
    .flatMap((one) => given(committed(one), (sha256) => ({ path: one, sha256 })));
  return { command: commandOf(path, text), inputs: [...read, ...fetchedInputs(text), ...installedInputs(text)], outputs };
}

const given = <Value, Made>(value: Value | undefined, make: (value: Value) => Made): Made[] => (value === undefined ? [] : [make(value)]);

function commandOf(path: string, text: string): string {
  const [, program] = /^#!\s*(?:\/usr\/bin\/env\s+(?:-S\s+)?|\S*\/)([\w.+-]+)/.exec(text) ?? [];
  return `${program ?? PROGRAMS[extname(path)] ?? 'sh'} '${path.replaceAll("'", String.raw`'\''`)}'`;
}

/** What it downloads, pinned where its hash is checked as `sha256sum` does, or stands beside the address. */
function fetchedInputs(text: string): RecipeInput[] {
  const checked = new Map([...text.matchAll(CHECKSUM)].map(([, sha256 = '', file = '']) => [posix.normalize(file), sha256]));
  const lines = text.split('\n');
  const taken = new Set(checked.values());
  /** The hash beside an address: not that of a file, nor one beside another address. */
  const besides = (at: number): string | undefined => {
    const near = NEAR.map((by) => (by === 0 || !lines[at + by]?.includes('://') ? lines[at + by] : undefined));
    const found = near.flatMap((line = '') => SHA256.exec(line) ?? []).find((sha256) => !taken.has(sha256));
    if (found !== undefined) taken.add(found);
    return found;
  };
  const found: RecipeInput[] = [];
  for (const [at, line] of lines.entries()) {
    if (/^\s*(#(?!!)|\/\/)/.test(line)) continue;
    for (const [uri] of line.matchAll(URL)) {
      const [, saved] = SAVED.exec(line) ?? [];
      const path = saved === undefined ? undefined : posix.normalize(saved);
      const sha256 = checked.get(path ?? '') ?? checkedNamed(uri, checked) ?? besides(at);
      found.push({ uri, ...(isInside(path) ? { path } : {}), ...(sha256 === undefined ? {} : { sha256 }) });
    }
  }
  return found;
}

const isInside = (path: string | undefined): path is string => path !== undefined && !path.startsWith('/') && !path.startsWith('..');

/** `curl -O` keeps the last part of the address as the name. */
function checkedNamed(uri: string, checked: ReadonlyMap<string, string>): string | undefined {
  const name = basename(uri.replace(/[?#].*$/, ''));
  return [...checked].find(([file]) => basename(file) === name)?.[1];
}

/** Packages that it installs by name: a version names no bytes, `--hash` does. */
function installedInputs(text: string): RecipeInput[] {
  return [...text.matchAll(INSTALLED)].flatMap(([, tool = '', words = '']) => {
    const [, sha256] = PIP_HASH.exec(words) ?? [];
    const packages = words.split(/\s+/).filter((word) => /^['"]?[a-z@]/i.test(word) && !/\.(txt|toml|whl)$/.test(word));
    return packages.map((name) => ({
      uri: `${tool.startsWith('pip') ? 'pypi' : 'npm'}:${name.replaceAll(/['"]/g, '')}`,
      ...(sha256 === undefined || packages.length > 1 ? {} : { sha256 }),
    }));
  });
}
