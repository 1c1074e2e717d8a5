/** What makes a folder a package of its own. */
const MANIFEST = /^(?<folder>(?:.*\/)?)(?:package\.json|pyproject\.toml|setup\.py|Cargo\.toml|go\.mod)$/;

/** The packages of a repository, by the folders that have manifests. */
export class PackageFolders {
  readonly #folders: ReadonlySet<string>;

  /** `paths`: of all files of the repository. */
  constructor(paths: Iterable<string>) {
    this.#folders = new Set([...paths].flatMap((path) => MANIFEST.exec(path)?.groups?.['folder'] ?? []));
  }

  /** The innermost package that a file is in, such as `packages/core/`; the empty text stands for the repository. */
  of(path: string): string {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const folder = path.slice(0, end + 1);
      if (this.#folders.has(folder)) return folder;
    }
    return '';
  }
}
