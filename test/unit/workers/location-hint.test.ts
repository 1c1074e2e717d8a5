import { expect, it } from 'vitest';

import { locationHint } from '../../../workers/gateway/location-hint.ts';

it('[RT12] replicas are requested near most of the reads; without a location when none is known', () => {
  const hints = [
    ['NA', '-122.3'],
    ['NA', '-74.0'],
    ['EU', '2.3'],
    ['EU', '30.5'],
    ['AS', '46.7'],
    ['AS', '139.7'],
    ['SA', '-46.6'],
    ['AF', '3.4'],
    ['OC', '151.2'],
    ['AN', '0'],
  ].map(([continent, longitude]) => locationHint({ continent, longitude }));
  expect(hints).toEqual(['wnam', 'enam', 'weur', 'eeur', 'me', 'apac', 'sam', 'afr', 'oc', undefined]);
  expect([locationHint({}), locationHint({ continent: 'EU' })]).toEqual([undefined, 'weur']);
});
