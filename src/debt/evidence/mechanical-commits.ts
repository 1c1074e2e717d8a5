import type { Change } from './change-history.ts';

/** A commit as the log has it, with its message's first line. */
export interface DescribedChange extends Change {
  readonly subject: string;
}

/** Why a commit says nothing of what changing code takes: a program made it, or it changed text that programs write. */
export const MECHANICAL = ['bot', 'release', 'dependencies', 'format', 'bulk', 'generated'] as const;
export type Mechanical = (typeof MECHANICAL)[number];

/** Names and addresses of programs: `dependabot[bot]`, `github-actions`, `release bot`. */
const BOT = /\[bot\]|\bbot\b|github-actions|(^|[^a-z])(dependabot|renovate|greenkeeper|pre-commit-ci|semantic-release|allcontributors)\b/i;
/** `1.2.3`, `Release v2.0.0rc1`, `Bump version to 4`, `chore(release): ...`, `Prepare for 5.0`. */
const RELEASE =
  /^\W*(chore\(release\)|(prepare\s+(for\s+)?|start\s+|cut\s+)?releas(e|ing)\b|(bump(ed)?|update|set)\s+(the\s+)?version\b|version\s+(bump|\d)|prepare\s+(for\s+)?(v?\d|next)|bump(ed)?\s+(to\s+)?v?\d+\.\d|v?\d+\.\d+(\.\d+)?[\w.+-]*\s*(release)?$)/i;
/** `Bump a from 1 to 2`, `chore(deps): ...`, `Update dependency a`. */
const DEPENDENCIES = /^\W*(bump\s+\S.*\sfrom\s+\S+\s+to\s|(build|chore|fix)\(deps(-dev)?\)|update\s+dependenc|\[pre-commit\.ci\])/i;
/** `style: ...`, `Run prettier`, `Reformat with black`, `Apply formatting`. */
const FORMAT =
  /^\W*(style(\([^)]*\))?!?:|(re-?)?format(ting|ted)?\b(?!\s*(string|strings|function|error|of)\b)|(run|apply|use)\s+(the\s+)?(prettier|black|clang-format|gofmt|rustfmt|autopep8|ruff format|eslint --fix|formatter|formatting|pyupgrade)\b|auto[- ]?format)/i;
/** More files at once, such as of licence headers, are changed by a program. */
const FILES_MAX_COUNT = 200;

/** Lines about versions, not work on them. */
const RELEASE_FILE =
  /(^|\/)(changelog|changes|history|news|release[-_]?notes|releases)(\.(md|markdown|rst|txt|adoc))?$|(^|\/)(changelog|changes|news|release[-_]?notes)\.d?\/|(^|\/)(version(\.txt)?|_?version\.py|__version__\.py)$/i;
const GENERATED_FILE =
  /(^|\/)(node_modules|_?vendor(ed)?|third[-_]?party|bower_components|site-packages|external|extern|dist|generated|__generated__)\/|\.(min|bundle|generated|gen|pb)\.\w+$|\.(snap|lock)$|(^|\/)(package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|poetry\.lock|uv\.lock|go\.sum)$/i;

/** Why the time around a commit is not the time that a change takes; undefined: it is. [D105] */
export function mechanicalReason({ author, subject, files }: DescribedChange): Mechanical | undefined {
  if (BOT.test(author)) return 'bot';
  if (RELEASE.test(subject)) return 'release';
  if (DEPENDENCIES.test(subject)) return 'dependencies';
  if (FORMAT.test(subject)) return 'format';
  if (files.length > FILES_MAX_COUNT) return 'bulk';
  if (files.length === 0) return undefined;
  if (files.every(({ path }) => RELEASE_FILE.test(path))) return 'release';
  return files.every(({ path }) => GENERATED_FILE.test(path)) ? 'generated' : undefined;
}
