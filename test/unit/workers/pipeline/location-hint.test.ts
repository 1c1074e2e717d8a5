import { expect, it } from 'vitest';

import { GatewayRegion, locationHint } from '../../../../workers/gateway/pipeline/location-hint.ts';

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

it('[RT12] an isolate looks at its first requests for where they come in, and at no further ones', () => {
  const region = new GatewayRegion();
  let looks = 0;
  const request = (cf?: object) => ({
    get cf() {
      looks += 1;
      return cf as never;
    },
  });
  region.see(request());
  expect(region.hint).toBeUndefined();
  region.see(request({ continent: 'OC' }));
  region.see(request({ continent: 'EU' }));
  expect([region.hint, looks]).toEqual(['oc', 2]);
  const nowhere = new GatewayRegion();
  for (let call = 0; call < 100; call += 1) nowhere.see(request());
  expect(looks).toBeLessThan(50);
});
