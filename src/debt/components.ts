import type { DebtComponent, DebtPolicy } from '../contract/debt/debt-policy.ts';
import { EVERYTHING } from './fact.ts';

/** The component of what belongs to no other: files at the root, packages. */
export const REPOSITORY = 'repository';

/** What runs is not in a folder, whatever its name has: `endpoint:POST /v1/embeddings`. */
const SERVED = /^(?:endpoint|route|model|target|index|queue|pool|cache):/;

/** Whether a path is a folder or file, or below it. */
export const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder.replace(/\/$/, '')}/`);

/** The components of a repository or deployment. */
export class Components {
  readonly #byName: ReadonlyMap<string, DebtComponent>;

  /** Of each path the component that names it first. */
  readonly #byPath = new Map<string, string>();

  constructor(policy: DebtPolicy) {
    this.#byName = new Map(policy.components.map((component) => [component.name, component]));
    for (const { name, paths } of policy.components) {
      for (const path of paths) {
        const folder = path.replace(/\/$/, '');
        if (!this.#byPath.has(folder)) this.#byPath.set(folder, name);
      }
    }
  }

  /** The name of the component of a subject: itself, that with the longest of its folders, or the folder at the top (D9). */
  of(subject: string): string {
    if (this.#byName.has(subject)) return subject;
    // From the subject up through its folders: a policy may have many paths, and every fact is looked up.
    for (let end = subject.length; end > 0; end = subject.lastIndexOf('/', end - 1)) {
      const name = this.#byPath.get(subject.slice(0, end));
      if (name !== undefined) return name;
    }
    const top = subject.indexOf('/');
    if (subject === EVERYTHING || subject.startsWith('npm:')) return REPOSITORY;
    if (SERVED.test(subject)) return subject;
    if (top !== -1) return subject.slice(0, top);
    // A file at the root has an extension; what has none is the name of a folder, a model, a pool.
    return subject.includes('.') ? REPOSITORY : subject;
  }

  /** Whether the policy names it. */
  isDeclared(name: string): boolean {
    return this.#byName.has(name);
  }

  tierOf(name: string): 1 | 2 | 3 {
    return this.#byName.get(name)?.tier ?? 3;
  }
}
