import { expect, it } from 'vitest';
import { admitsOrigin, canNameOrigin, isOrigin, mayAdmitOrigin, parseOrigins } from '../../../../src/contract/api/cross-origin.ts';
import { must } from '../../../../src/kernel/assert.ts';

const [APP, LOCAL, OTHER] = ['https://app.example.com', 'http://localhost:3000', 'https://other.example.com'];
const policy = (text: string) => must(parseOrigins(text), 'the list is good');

it('[G21] an origin is accepted only as browsers write it', () => {
  const good = [
    APP,
    LOCAL,
    'http://[::1]:8080',
    'https://xn--bcher-kva.example',
    'capacitor://localhost',
    'chrome-extension://abcdefghijklmnop',
  ];
  const wrong = [
    'null',
    '*',
    'app.example.com',
    `${APP}/`,
    `${APP}/a`,
    'https://App.example.com',
    'https://a.example:443',
    'http://a.example:80',
    'https://*.example.com',
    'https://a b',
    'https://user@a',
    'https://a,b',
    '',
    `https://${'x'.repeat(300)}`,
  ];
  expect(good.filter((text) => !isOrigin(text))).toEqual([]);
  expect(wrong.filter(isOrigin)).toEqual([]);
});

it('[G21][G22] pages are admitted by the deployment and narrowed by keys, or by keys alone', () => {
  const admitted = (list: string, ofKey: readonly string[] | null) =>
    [APP, LOCAL, OTHER].filter((origin) => admitsOrigin(policy(list), origin, ofKey));
  expect(admitted('', null)).toEqual([]);
  expect(admitted('', [APP])).toEqual([]);
  expect(admitted(`${APP}, ${LOCAL}`, null)).toEqual([APP, LOCAL]);
  expect(admitted(`${APP}, ${LOCAL}`, [LOCAL, OTHER])).toEqual([LOCAL]);
  expect(admitted('*', null)).toEqual([APP, LOCAL, OTHER]);
  expect(admitted('*', [OTHER])).toEqual([OTHER]);
  expect(admitted('keys', null)).toEqual([]);
  expect(admitted(`${APP},keys`, null)).toEqual([APP]);
  expect(admitted(`${APP},keys`, [OTHER])).toEqual([OTHER]);
});

it('[G23] a preflight covers every origin that may be admitted; a key lists only effective ones', () => {
  expect([APP, OTHER].map((origin) => mayAdmitOrigin(policy(APP), origin))).toEqual([true, false]);
  expect([APP, OTHER].map((origin) => mayAdmitOrigin(policy('keys'), origin))).toEqual([true, true]);
  expect([APP, OTHER].map((origin) => canNameOrigin(policy(APP), origin))).toEqual([true, false]);
  expect([undefined, policy('keys'), policy('*')].map((one) => canNameOrigin(one, OTHER))).toEqual([false, true, true]);
});
