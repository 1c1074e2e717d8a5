import { expect, it } from 'vitest';

import { capnpText, Embedded } from '../../../workers/local/capnp-text.ts';

it('writes structs without their absent fields, lists, embedded files and texts with the escapes of C', () => {
  const value = { name: 'a "b"\n\u0001é', list: ['x', true], none: undefined, empty: {}, file: new Embedded('../a.js') };
  expect(capnpText(value)).toBe(String.raw`(name = "a \"b\"\n\x01é", list = ["x", true], empty = (), file = embed "../a.js")`);
});
