import { expect, it } from 'vitest';

import { indexName } from '../../../../src/contract/api/common.ts';
import { keyEndpoints } from '../../../../src/contract/tenancy/keys.ts';

const FORBIDDEN = ['<', '>', ':', '"', '|', '?', '*', '/', '\\', '\0', '\u001f', '\n', '\u007f', '\ud800'];

it('[Q7] a name is 1 to 255 characters, without control characters and those Qdrant refuses', () => {
  for (const name of [
    'a',
    'A b',
    ' ',
    'Ünï-cødé 漢 😀',
    '100% #1 + [x] {y} & z=;,',
    '-',
    '_x',
    '.hidden',
    '...',
    "it's",
    'x'.repeat(255),
  ]) {
    expect(indexName.safeParse(name).success, name).toBe(true);
  }
  for (const name of ['', '.', '..', 'x'.repeat(256), ...FORBIDDEN.flatMap((char) => [char, `a${char}b`])]) {
    expect(indexName.safeParse(name).success, JSON.stringify(name)).toBe(false);
  }
});

it('[Q7] a key can be restricted to any valid index name, or to a prefix of names', () => {
  const { schema } = keyEndpoints.createKey.body;
  const takes = (resource: string) =>
    schema.safeParse({ tenant: 'tn_4v9k2m7q1x_8d3f6h0j', name: 'k', owner: 'o', resources: [resource] }).success;
  for (const resource of ['index/Ünï cødé', `index/${'x'.repeat(255)}`, 'index/blog *', 'index/*', 'model/glove-sif-100', 'model/glove*']) {
    expect(takes(resource), resource).toBe(true);
  }
  for (const resource of [
    'index/a/b',
    'index/a*b',
    `index/${'x'.repeat(256)}`,
    'model/a b',
    'pool/x',
    ...FORBIDDEN.map((char) => `index/a${char}b`),
  ]) {
    expect(takes(resource), JSON.stringify(resource)).toBe(false);
  }
});
