/** People nest brackets a tenth as deep, and Python takes 200. Beyond some thousands a parser that is no JavaScript crashes the whole process. */
export const BRACKETS_DEPTH_MAX = 500;
/** What nests without brackets that close: each operator, branch or such word may be one level. Files that people write have fewer. */
const LEVEL =
  /[!~+\-*/%&|^<>=?:(`]|\b(?:new|typeof|void|delete|await|yield|keyof|readonly|unique|infer|in|instanceof|as|satisfies|else|do)\b/g;
/** A half of what the parser survived of the dearest operator, and a third of the dearest function. */
const LEVELS_MAX = 6_000;
const FUNCTIONS_MAX = 2_000;

/** How deep brackets are nested, those in texts and comments included. */
export function bracketDepthOf(text: string): number {
  let [depth, deepest] = [0, 0];
  for (const [bracket] of text.matchAll(/[([{)\]}]/g)) {
    depth = '([{'.includes(bracket) ? depth + 1 : Math.max(0, depth - 1);
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

/** Whether a script may be nested so deep that parsing it crashes the process: it has as many operators, whether they nest or not. [D101] */
export const mayCrashTheParser = (text: string): boolean => countOf(text, LEVEL) > LEVELS_MAX || countOf(text, /=>/g) > FUNCTIONS_MAX;

function countOf(text: string, pattern: RegExp): number {
  let count = 0;
  for (const _ of text.matchAll(pattern)) count += 1;
  return count;
}
