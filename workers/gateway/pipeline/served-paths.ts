import type { Endpoint } from '../../../src/contract/api/endpoint.ts';
import { refusal } from '../../../src/contract/api/errors.ts';
import { mountsOf } from '../../../src/contract/api/surface.ts';
import { HttpError } from './http-error.ts';

/** A known path that no route answers: its pattern, and why, by method. */
export type Unserved = readonly [pattern: string, refuse: (method: string) => HttpError];

/**
 * The paths of an app with the methods of each. What refuses another method of a path names those of the pattern with the most literal segments, of
 * those that take it: at `/points/batch` those of that call, and not those of a point. [G4]
 */
export class ServedPaths {
  readonly #methods = new Map<string, readonly string[]>();

  constructor(endpoints: readonly Endpoint[]) {
    for (const { path: served, method } of endpoints) {
      for (const path of mountsOf(served)) this.#methods.set(path, [...new Set([...(this.#methods.get(path) ?? []), method])]);
    }
  }

  /** Those of all paths. */
  patterns(): string[] {
    return [...this.#methods.keys()];
  }

  /** What refuses the other methods of each path; of two patterns that take a path, the one that it is of comes first. */
  otherMethods(): Unserved[] {
    const paths = [...this.#methods].toSorted(([one], [other]) => compare(one, other));
    return paths.map(([path, methods]) => [path, (method) => notAllowed(method, methods)]);
  }
}

const isParam = (segment: string | undefined): boolean => segment?.startsWith(':') === true;

/** Literal segments before parameters, from the left. */
function compare(one: string, other: string): number {
  const [ones, others] = [one.split('/'), other.split('/')];
  const at = ones.findIndex((segment, position) => isParam(segment) !== isParam(others[position]));
  return at === -1 ? 0 : Number(isParam(ones[at])) - Number(isParam(others[at]));
}

/** Clients that were led from http to https repeat a call without its body. */
const REDIRECTED = '. Was it a POST? A redirect from http:// makes it a GET: give the client the https:// address';

function notAllowed(method: string, methods: readonly string[]): HttpError {
  const redirected = method === 'GET' && methods.includes('POST') ? REDIRECTED : '';
  const error = refusal('method_not_allowed', `${method} is not allowed here: use ${methods.join(' or ')}${redirected}`);
  return new HttpError(error, { allow: methods.join(', ') });
}
