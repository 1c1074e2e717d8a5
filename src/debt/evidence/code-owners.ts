interface OwnersRule {
  readonly pattern: RegExp;
  readonly owners: readonly string[];
}

/**
 * Who owns which path by a CODEOWNERS file: the last line whose pattern matches decides, and a line without owners takes them away. Patterns are
 * those of GitHub: gitignore's without `!`, `[ ]` and escapes. [D14]
 */
export class CodeOwners {
  readonly #rules: readonly OwnersRule[];

  constructor(text: string) {
    this.#rules = text.split('\n').flatMap((line) => {
      const [pattern = '', ...owners] = line
        .replace(/(^|\s)#.*$/, '')
        .trim()
        .split(/\s+/);
      // Sections of GitLab: what is in them is read like the rest.
      return pattern === '' || /^\^?\[/.test(pattern) ? [] : [{ pattern: patternOf(pattern), owners }];
    });
  }

  ownersOf(path: string): readonly string[] {
    return this.#rules.findLast(({ pattern }) => pattern.test(path))?.owners ?? [];
  }
}

function patternOf(text: string): RegExp {
  const isAnchored = text.replace(/\/$/, '').includes('/');
  const body = text
    .replace(/^\//, '')
    .replace(/\/$/, '/**')
    .replaceAll(/[.+^${}()|\\[\]]/g, String.raw`\$&`)
    .replaceAll(/\/\*\*\/|\*\*\/|\/\*\*|\*\*|\*|\?/g, (glob) => GLOBS[glob] ?? glob);
  // A pattern with a star in its last part matches files there, and not below: `docs/*` is not `docs/a/b`.
  const below = text.endsWith('/*') ? '' : '(/.*)?';
  return new RegExp(`^${isAnchored || text.startsWith('/') ? '' : '(.*/)?'}${body}${below}$`);
}

const GLOBS: Readonly<Record<string, string>> = { '/**/': '/(.*/)?', '**/': '(.*/)?', '/**': '/.*', '**': '.*', '*': '[^/]*', '?': '[^/]' };
