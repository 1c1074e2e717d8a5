// Each pattern reads a text once, whatever it holds: a comment without an end goes on to the end of the text.

/** How a language is read: by a parser, or only line by line. */
export interface Language {
  readonly name: string;
  readonly parser: 'script' | 'python' | undefined;
  /** Strings, which are kept, and comments: the second group. */
  readonly comments: RegExp;
}

const SLASHES = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$))/g;
const HASHES = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(#[^\n]*)/g;
const script = (name: string): Language => ({ name, parser: 'script', comments: SLASHES });
const slashes = (name: string): Language => ({ name, parser: undefined, comments: SLASHES });
const hashes = (name: string): Language => ({ name, parser: undefined, comments: HASHES });

const BY_EXTENSION: Readonly<Record<string, Language>> = {
  ts: script('TypeScript'),
  tsx: script('TypeScript'),
  mts: script('TypeScript'),
  cts: script('TypeScript'),
  js: script('JavaScript'),
  jsx: script('JavaScript'),
  mjs: script('JavaScript'),
  cjs: script('JavaScript'),
  py: { name: 'Python', parser: 'python', comments: HASHES },
  go: slashes('Go'),
  java: slashes('Java'),
  kt: slashes('Kotlin'),
  rs: slashes('Rust'),
  c: slashes('C'),
  h: slashes('C'),
  cc: slashes('C++'),
  cpp: slashes('C++'),
  hpp: slashes('C++'),
  cs: slashes('C#'),
  swift: slashes('Swift'),
  scala: slashes('Scala'),
  php: slashes('PHP'),
  dart: slashes('Dart'),
  zig: slashes('Zig'),
  rb: hashes('Ruby'),
  sh: hashes('Shell'),
};
/** Not by a member of an object: every object has some, such as `constructor`, and a file may end so. */
const LANGUAGES = new Map(Object.entries(BY_EXTENSION));

/** The language of a file by its extension; undefined: it is no source code. */
export const languageOf = (path: string): Language | undefined => LANGUAGES.get(/\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? '');

/** What is kept for old callers, or old platforms, until these are gone. */
export const isForOldCallers = (path: string): boolean => /(^|[/_-])(compat|legacy|deprecated|polyfills?)([/_.-]|$)/i.test(path);

/** The version that a folder of the path has for a name, such as `v1`; without one, nothing. */
export const versionOf = (path: string): string => /(?:^|\/)(v\d+)\//i.exec(path)?.[1] ?? '';

/** Settings of a build tool, linter or test runner: each package has to state its own. */
export const isToolSettings = (path: string): boolean =>
  /\.(config|workspace)\.[cm]?[jt]sx?$|(^|\/)((gulp|grunt)file\.\w+|setup\.py)$/i.test(path);
