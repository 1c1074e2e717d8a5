/** A dependency that a manifest declares. */
export interface DeclaredRange {
  readonly name: string;
  /** The versions that are allowed, as they are written; empty: any. */
  readonly range: string;
  /** Of the manifest, from 1. */
  readonly line: number;
  readonly isForDevelopment: boolean;
}

const SCRIPT_KINDS = ['dependencies', 'optionalDependencies', 'devDependencies'] as const;

/** What a `package.json` declares. Ranges of the workspace, and what peers bring, are no choice of it. */
export function rangesOfPackage(text: string): readonly DeclaredRange[] {
  const parsed = jsonObject(text);
  const rows = text.split('\n');
  return SCRIPT_KINDS.flatMap((kind) => {
    const declared = parsed?.[kind];
    if (typeof declared !== 'object' || declared === null) return [];
    const from = rows.findIndex((row) => row.trimStart().startsWith(`"${kind}"`));
    return Object.entries(declared).flatMap(([name, range]) => {
      const line = rows.findIndex((row, i) => i >= from && row.trimStart().startsWith(`${JSON.stringify(name)}:`)) + 1;
      const isChosen = typeof range === 'string' && !/^(workspace|file|link|portal|catalog):/.test(range);
      return isChosen && line > 0 ? [{ name, range, line, isForDevelopment: kind === 'devDependencies' }] : [];
    });
  });
}

function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

/** A requirement of PEP 508: a name, extras, then versions or an address; what follows `;` says where it applies. */
const REQUIREMENT =
  /^(?<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?<range>(?:\(?\s*(?:[=!<>~]=?|===)[^;#]*|@\s*[^;#]+)?)(?:;.*)?(?:\s#.*)?$/;

function requirementOf(row: string, line: number, isForDevelopment: boolean): readonly DeclaredRange[] {
  const { name, range = '' } = REQUIREMENT.exec(row.trim())?.groups ?? {};
  return name === undefined ? [] : [{ name: name.toLowerCase(), range: range.replaceAll(/[()\s]/g, ''), line, isForDevelopment }];
}

const DEVELOPMENT = /dev|test|doc|lint|typing|type|mypy|build|ci|bench|optional/i;

/** What a `requirements.txt` names, without options and other files. */
export const rangesOfRequirements = (path: string, text: string): readonly DeclaredRange[] =>
  text.split('\n').flatMap((row, i) => (/^\s*(#|-|$)/.test(row) ? [] : requirementOf(row, i + 1, DEVELOPMENT.test(path))));

/** What the `[options]` of a `setup.cfg` require. */
export function rangesOfSetup(text: string): readonly DeclaredRange[] {
  let [section, key] = ['', ''];
  return text.split('\n').flatMap((row, i) => {
    section = /^\[(.+)\]\s*$/.exec(row)?.[1] ?? section;
    const [, named, value = ''] = /^([\w-]+)\s*=\s*(.*)$/.exec(row) ?? [];
    if (named !== undefined) key = named;
    const isExtra = section === 'options.extras_require';
    if (!isExtra && !(section === 'options' && key === 'install_requires')) return [];
    return requirementOf(named === undefined ? row : value, i + 1, isExtra);
  });
}

/** Arrays of requirements of a `pyproject.toml`, and Poetry's tables. */
export function rangesOfProject(text: string): readonly DeclaredRange[] {
  const reader = new ProjectReader();
  return text.split('\n').flatMap((row, i) => reader.read(row, i + 1));
}

/** Reads a `pyproject.toml` line by line: a parser would not say on which line a requirement stands. */
class ProjectReader {
  #section = '';
  #key = '';
  /** Whether an array goes on over the next line. */
  #isOpen = false;

  read(row: string, line: number): readonly DeclaredRange[] {
    const value = this.#valueOf(row);
    if (/^tool\.poetry\b.*\bdependencies$/.test(this.#section))
      return value === undefined ? [] : poetryRange(this.#key, value, line, this.#section);
    // Groups that a group includes are no packages.
    const text = (value ?? row).replaceAll(/\{\s*include-group[^}]*\}/g, '');
    if (value !== undefined) this.#isOpen = text.startsWith('[');
    if (/\]\s*,?\s*(#.*)?$/.test(text.replaceAll(/"[^"]*"|'[^']*'/g, ''))) this.#isOpen = false;
    const kind = kindOf(this.#section, this.#key);
    return kind === undefined ? [] : textsIn(text).flatMap((one) => requirementOf(one, line, kind === 'development'));
  }

  /** What a line gives to a key; undefined: it goes on with an array, or begins a section. */
  #valueOf(row: string): string | undefined {
    if (this.#isOpen) return undefined;
    this.#section = /^\[\[?([^\]]+)\]\]?\s*(#.*)?$/.exec(row)?.[1]?.trim() ?? this.#section;
    const [, key, value] = /^\s*"?([\w.-]+)"?\s*=\s*(.*)$/.exec(row) ?? [];
    if (key !== undefined) this.#key = key;
    return value;
  }
}

/** The texts between quotes. */
const textsIn = (row: string): string[] =>
  [...row.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g)].map(([, double, single]) => double ?? single ?? '');

function kindOf(section: string, key: string): 'runtime' | 'development' | undefined {
  if (section === 'project' && key === 'dependencies') return 'runtime';
  if (section === 'project.optional-dependencies' || section === 'dependency-groups' || section === 'tool.pdm.dev-dependencies')
    return 'development';
  return undefined;
}

function poetryRange(name: string, value: string, line: number, section: string): readonly DeclaredRange[] {
  const range = /^\s*["']([^"']*)["']/.exec(value)?.[1] ?? /version\s*=\s*["']([^"']*)["']/.exec(value)?.[1];
  return range === undefined || name === 'python'
    ? []
    : [{ name: name.toLowerCase(), range, line, isForDevelopment: section !== 'tool.poetry.dependencies' }];
}

/** How far a range holds a package: `any` version, whatever a branch has (`moving`), one version (`exact`), or one line of them (`bounded`). */
export type Hold = 'any' | 'moving' | 'exact' | 'bounded' | 'open';

const MOVING = /^(git[+:@]|https?:|github:|[\w-]+\/[\w.-]+(#|$)|@)/;
const COMMIT = /[#@][0-9a-f]{7,40}$/;

export function holdOf(range: string): Hold {
  const text = range.trim();
  if (/^(|\*|x|latest|>=\s*0(\.0)*)$/i.test(text)) return 'any';
  if (MOVING.test(text)) return COMMIT.test(text) ? 'exact' : 'moving';
  if (/^(={1,3}\s*)?v?\d[\w.+!-]*$/.test(text) && !/\.(\*|x)$/.test(text)) return 'exact';
  if (/[<^~]|\.\*|\.x/.test(text)) return 'bounded';
  return 'open';
}
