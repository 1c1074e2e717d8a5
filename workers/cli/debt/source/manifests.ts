import { parse } from 'smol-toml';

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

/** Requirements of a `pyproject.toml`: of the project, of its groups, and of the tables of PDM and Poetry. */
export function rangesOfProject(text: string): readonly DeclaredRange[] {
  const parsed = tomlTable(text);
  const rows = text.split('\n');
  const after = (from: number, stands: (row: string) => boolean): number => rows.findIndex((row, i) => i >= from && stands(row));
  const headerOf = (section: string): number => after(0, (row) => row.trim().startsWith(`[${section}]`));
  const listed = (section: string, key: string, texts: unknown, isForDevelopment: boolean): readonly DeclaredRange[] => {
    const from = after(headerOf(section), (row) => keyOf(row) === key);
    // Groups that a group includes are tables, and no packages.
    return textsIn(texts).flatMap((one) => {
      const line = after(from, (row) => row.includes(`"${one}"`) || row.includes(`'${one}'`)) + 1;
      return requirementOf(one, line, isForDevelopment);
    });
  };
  const groups = (section: string): readonly DeclaredRange[] =>
    Object.entries(tableAt(parsed, section)).flatMap(([key, texts]) => listed(section, key, texts, true));
  const ofPoetry = (section: string): readonly DeclaredRange[] =>
    Object.entries(tableAt(parsed, section)).flatMap(([name, value]) => {
      const range = typeof value === 'string' ? value : asTable(value)['version'];
      if (typeof range !== 'string' || name === 'python') return [];
      const line = after(headerOf(section), (row) => keyOf(row) === name) + 1;
      return [{ name: name.toLowerCase(), range, line, isForDevelopment: section !== 'tool.poetry.dependencies' }];
    });
  const found = [
    ...listed('project', 'dependencies', tableAt(parsed, 'project')['dependencies'], false),
    ...['project.optional-dependencies', 'dependency-groups', 'tool.pdm.dev-dependencies'].flatMap(groups),
    ...['dependencies', 'dev-dependencies'].flatMap((table) => ofPoetry(`tool.poetry.${table}`)),
    ...Object.keys(tableAt(parsed, 'tool.poetry.group')).flatMap((group) => ofPoetry(`tool.poetry.group.${group}.dependencies`)),
  ];
  return found.filter(({ line }) => line > 0);
}

type Table = Readonly<Record<string, unknown>>;

const asTable = (value: unknown): Table => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Table) : {});
const tableAt = (table: Table, path: string): Table => path.split('.').reduce((within, key) => asTable(within[key]), table);
const textsIn = (value: unknown): string[] => (Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []);
const keyOf = (row: string): string | undefined => /^\s*["']?([\w.-]+)["']?\s*=/.exec(row)?.[1];

function tomlTable(text: string): Table {
  try {
    return parse(text);
  } catch {
    return {};
  }
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
