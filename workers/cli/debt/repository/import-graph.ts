import { dirname, join } from 'node:path/posix';
import type { ReadSource } from './read-sources.ts';
import type { SourceImport } from '../source/analysed-source.ts';

export interface ImportEdge {
  readonly from: string;
  readonly to: string;
  /** Whether it takes part in running: imports of types do not. */
  readonly isRun: boolean;
  /** Whether what it imports is needed while it loads. */
  readonly isAtLoad: boolean;
}

const EXTENSIONS = ['', '.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs', '/index.ts', '/index.tsx', '/index.js', '/index.mjs'];
/** TypeScript is imported by the name of what it is compiled to. */
const COMPILED = /\.([cm]?)js(x?)$/;

/** Which files of a repository import which others. Packages, and names that a bundler maps, are not its files. */
export class ImportGraph {
  readonly edges: readonly ImportEdge[];
  readonly #paths: ReadonlySet<string>;
  readonly #definedIn: ReadonlyMap<string, readonly string[]>;
  /** Folders that Python's modules are named from: those that hold a top-level package, and the root. */
  readonly #pythonRoots: readonly string[];

  constructor(files: readonly ReadSource[]) {
    this.#paths = new Set(files.map(({ path }) => path));
    this.#definedIn = new Map(files.map(({ path, defined }) => [path, defined]));
    this.#pythonRoots = pythonRootsOf(files);
    this.edges = files.flatMap(({ path, language, imports }) =>
      imports.flatMap((one) => {
        const targets = language === 'Python' ? this.#pythonTargets(path, one) : this.#scriptTarget(path, one);
        return targets
          .filter((to) => to !== path)
          .map((to) => {
            const isRun = one.isRun && !this.#isOfOwnPackage(path, to, one);
            return { from: path, to, isRun, isAtLoad: isRun && one.isAtLoad && !isOnlyModule(to, one) };
          });
      }),
    );
  }

  /** Whether a module imports of its own package only what that does not define: such names are modules, or imported there. [D24] */
  #isOfOwnPackage(path: string, to: string, { names }: SourceImport): boolean {
    if (!to.endsWith('/__init__.py') || !path.startsWith(`${dirname(to)}/`)) return false;
    const defined = this.#definedIn.get(to) ?? [];
    return !names.some((name) => name === '*' || defined.includes(name));
  }

  #scriptTarget(path: string, { from }: SourceImport): string[] {
    if (!from.startsWith('.')) return [];
    const base = join(dirname(path), from.replace(/[?#].*$/, ''));
    const candidates = [base, base.replace(COMPILED, '.$1ts$2')].flatMap((one) => EXTENSIONS.map((extension) => one + extension));
    const found = candidates.find((candidate) => this.#paths.has(candidate));
    return found === undefined ? [] : [found];
  }

  #pythonTargets(path: string, { from, names }: SourceImport): string[] {
    const dots = /^\.*/.exec(from)?.[0].length ?? 0;
    const rest = from.slice(dots).replaceAll('.', '/');
    const bases = dots === 0 ? this.#pythonRoots : [join(dirname(path), ...Array<string>(dots - 1).fill('..'))];
    for (const base of bases) {
      const module = join(base, rest);
      const submodules = names.flatMap((name) => this.#pythonModule(join(module, name)) ?? []);
      const own = this.#pythonModule(module);
      // A name that is not a submodule is defined in the module itself.
      if (submodules.length > 0) return submodules.length === names.length || own === undefined ? submodules : [...submodules, own];
      if (own !== undefined) return [own];
    }
    return [];
  }

  #pythonModule(module: string): string | undefined {
    return [`${module}.py`, `${module}/__init__.py`].find((candidate) => this.#paths.has(candidate));
  }
}

/** Whether an import takes a module, and no name that this has to have defined before. */
const isOnlyModule = (to: string, { names }: SourceImport): boolean =>
  names.length > 0 && names.every((name) => to.endsWith(`/${name}.py`) || to.endsWith(`/${name}/__init__.py`));

function pythonRootsOf(files: readonly ReadSource[]): string[] {
  const packages = new Set(files.filter(({ path }) => path.endsWith('/__init__.py')).map(({ path }) => dirname(path)));
  const roots = [...packages].filter((folder) => !packages.has(dirname(folder))).map((folder) => dirname(folder));
  return [...new Set(['.', ...roots])];
}
