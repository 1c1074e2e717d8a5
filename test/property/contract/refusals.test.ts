import fc from 'fast-check';
import * as z from 'zod';
import { expect, it } from 'vitest';

import { messageOf, paramOf, refusalAt } from '../../../src/contract/api/errors.ts';
import { pathBelow, pathText } from '../../../src/contract/api/field-path.ts';
import { parse } from '../../../src/contract/api/parse.ts';

const segment = fc.oneof(fc.string({ minLength: 1 }), fc.nat());
const path = fc.array(segment, { maxLength: 6 });

const shapes: readonly [z.ZodType, ...z.ZodType[]] = [
  z.strictObject({ a: z.string().max(3), b: z.array(z.number().min(0).max(5)).max(2).optional() }),
  z.record(z.string(), z.union([z.array(z.boolean()), z.strictObject({ a: z.literal(1) })])),
];

it('[G52] what any schema refuses is answered as `param: what is wrong`, under the path of the value', () => {
  fc.assert(
    fc.property(fc.constantFrom(...shapes), fc.jsonValue(), path, (schema, value, at) => {
      const outcome = parse(schema, value, 'body', at);
      if (outcome.ok) return;
      const { error } = outcome;
      expect(pathBelow(error.path ?? [], at)).toBeDefined();
      const param = paramOf(error);
      expect(messageOf(error)).toBe(param === null ? error.message : `${param}: ${error.message}`);
      expect(param ?? '').toBe(pathText(error.path ?? []));
    }),
    { examples: [[shapes[0], { a: 'long', c: 1 }, ['lines', 7]]] },
  );
});

it('[G51] a refusal at a path is found under any parent of the path, also after serialisation', () => {
  fc.assert(
    fc.property(path, path, (head, rest) => {
      const error = refusalAt({ code: 'invalid_value', message: 'is odd' }, [...head, ...rest]);
      expect(pathBelow(error.path ?? [], head)).toEqual(rest);
      expect(structuredClone(error)).toEqual(error);
      expect(refusalAt(error, [])).toEqual({ code: 'invalid_value', message: 'is odd' });
    }),
  );
});
