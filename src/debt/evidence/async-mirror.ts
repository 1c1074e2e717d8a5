/** Where code stands. */
export interface CodePlace {
  readonly path: string;
  /** The innermost class around it, or nothing. */
  readonly className: string;
}

/** `async` as a word of a name: `_async`, `asyncio`, `AsyncClient`; `asyncpg` is another word. */
const ASYNC = /(?<![A-Za-z])async(io)?(?![a-z])|Async(io)?(?![a-z])/;

const areOneAsync = (a: string, b: string): boolean => ASYNC.test(a) !== ASYNC.test(b);
const withoutAsync = (name: string): string => name.replace(ASYNC, '').replace(/^_+/, '').toLowerCase();
const areAlike = (a: string, b: string): boolean => a !== '' && withoutAsync(a) === withoutAsync(b);
const fileNameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/**
 * Whether one place is the other's counterpart for asynchronous callers, by the names of their classes, else of their files: the language makes
 * people write both. [D31]
 */
export function isAsyncMirror(a: CodePlace, b: CodePlace): boolean {
  if (areOneAsync(a.className, b.className)) return areAlike(a.className, b.className);
  return areOneAsync(a.path, b.path) && areAlike(fileNameOf(a.path), fileNameOf(b.path));
}
