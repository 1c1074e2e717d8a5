/** `fix(scope)!:` of Conventional Commits. */
const TYPED = /^(\w+)(\([^)]*\))?!?:\s/;
const FIX_TYPES = new Set(['fix', 'bugfix', 'hotfix', 'revert']);
const FIX_WORDS = /\b(fix(e[sd]|ing)?|bug(s|fix)?|regressions?|revert(s|ed)?|crash(es)?|hotfix|leaks?|vulnerabilit(y|ies))\b/i;
/** What is fixed where nothing ran wrong. */
const NO_FAULT =
  /\b(typos?|spelling|grammar|docs?|docstrings?|documentation|comments?|links?|urls?|lint(er|ing)?|format(ting)?|mypy|tests?|ci|changelog|readme)\b/i;
/** As a changelog says it; `Fixes #1` as a trailer closes wishes as well as faults, and says nothing. */
const FIXED = /^(Fixed|Repaired)\s/m;

/** Whether the message of a commit says that it repairs a fault of the code. [D35] */
export function saysFix(subject: string, body: string): boolean {
  const type = TYPED.exec(subject)?.[1]?.toLowerCase();
  if (type !== undefined) return FIX_TYPES.has(type) && !NO_FAULT.test(subject.replace(TYPED, ''));
  return (FIX_WORDS.test(subject) && !NO_FAULT.test(subject)) || FIXED.test(body);
}

/** As git writes it into the message of a revert. */
const REVERTS = /^This reverts commit ([0-9a-f]{7,64})/m;

/** The commit that a message says to take back, or nothing. */
export const revertedBy = (body: string): string => REVERTS.exec(body)?.[1] ?? '';
