import { describe, expect, it } from 'vitest';

import type { Endpoint } from '../../../../src/contract/api/endpoint.ts';
import { ENDPOINTS } from '../../../../src/contract/endpoints.ts';
import { ServedPaths } from '../../../../workers/gateway/pipeline/served-paths.ts';

const at = (method: string, path: string): Endpoint => ({ method, path }) as unknown as Endpoint;

/** The methods that a path is said to have, if another is asked for. */
function allowedAt(served: ServedPaths, asked: string): string | undefined {
  const segments = asked.split('/');
  const takes = (pattern: string): boolean =>
    pattern.split('/').length === segments.length && pattern.split('/').every((part, i) => part.startsWith(':') || part === segments[i]);
  return served
    .otherMethods()
    .find(([pattern]) => takes(pattern))?.[1]('TRACE').headers['allow'];
}

describe('the paths of an app', () => {
  it('[G4] are refused with the methods of the pattern with the most literal segments', () => {
    const served = new ServedPaths([at('GET', '/a/:id'), at('DELETE', '/a/:id'), at('POST', '/a/batch'), at('GET', '/:b/batch')]);
    expect(allowedAt(served, '/a/1')).toBe('GET, DELETE');
    expect(allowedAt(served, '/a/batch')).toBe('POST');
    expect(allowedAt(served, '/c/batch')).toBe('GET');
  });

  it('[G4] of the whole API are refused with the methods that its document has there', () => {
    const endpoints = Object.values<Endpoint>(ENDPOINTS);
    const served = new ServedPaths(endpoints);
    const wrong = endpoints.filter(
      ({ path, method }) =>
        allowedAt(served, path.replaceAll(/(?<=\/):\w+/g, 'x'))
          ?.split(', ')
          .includes(method) !== true,
    );
    expect(wrong.map(({ path, method }) => `${method} ${path}`)).toEqual([]);
  });
});
