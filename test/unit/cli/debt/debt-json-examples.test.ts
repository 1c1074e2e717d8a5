import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';

import { buildRecipe } from '../../../../src/contract/debt/build-recipe.ts';
import {
  debtCoverage,
  debtMlTests,
  debtModels,
  debtOutdated,
  debtRegistry,
  debtServiceLevels,
} from '../../../../src/contract/debt/debt-inputs.ts';
import { roadmap } from '../../../../src/contract/debt/debt-plan.ts';
import { debtPolicy } from '../../../../src/contract/debt/debt-policy.ts';
import { planOf } from '../../../../workers/cli/debt/plan.ts';
import { assess } from '../../../../src/debt/rules/assess.ts';
import { measure } from '../../../../workers/cli/debt/measure.ts';
import { ROOT } from '../../../../workers/local/paths.ts';
import { NOW_S } from '../../../support/fixtures/debt-facts.ts';
import { json } from '../../../support/fixtures/debt-repository.ts';
import { GitRepository } from '../../../support/fixtures/git-repository.ts';

const page = readFileSync(join(ROOT, 'docs/debt-json.md'), 'utf8');
/** Each example by the file that the text before it names last. */
const examples: Record<string, string> = {};
let named = '';
for (const [, file, block] of page.matchAll(/`([\w./-]+\.\w+)`[^`\n]*:\n\n|^```\w+[^\n]*\n([^]*?)^```$/gm)) {
  if (file !== undefined) named = file;
  else if (block !== undefined) examples[named] = block;
}
const exampleOf = (file: string): unknown => JSON.parse(examples[file] ?? '');

/** The paths of all that a schema of JSON may have. */
function pathsOf(schema: unknown, path = ''): string[] {
  const { type, shape, element, valueType, innerType, in: input } = (schema as { def: Record<string, unknown> }).def;
  if (shape !== undefined) {
    return Object.entries(shape as Record<string, unknown>).flatMap(([key, one]) => [`${path}.${key}`, ...pathsOf(one, `${path}.${key}`)]);
  }
  if (element !== undefined) return pathsOf(element, `${path}[]`);
  if (type === 'record') return pathsOf(valueType, `${path}{}`);
  const inner = innerType ?? input;
  return inner === undefined ? [] : pathsOf(inner, path);
}

/** The paths that an example has; records by the paths that their schema has. */
function usedBy(value: unknown, known: ReadonlySet<string>, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((one) => usedBy(one, known, `${path}[]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => {
    const own = known.has(`${path}.${key}`) ? `${path}.${key}` : `${path}{}`;
    return [own, ...usedBy(one, known, own)];
  });
}

const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  'debt.json': debtPolicy,
  'reports/coverage.json': debtCoverage,
  'reports/registry.json': debtRegistry,
  'reports/outdated.json': debtOutdated,
  'reports/models.json': debtModels,
  'reports/ml-tests.json': debtMlTests,
  'reports/service-levels.json': debtServiceLevels,
  'models/recipe.json': buildRecipe,
  'roadmap.json': roadmap,
};

describe('[D112] the examples of debt.json and of what it names', () => {
  it.each(Object.entries(SCHEMAS))('%s has each part that there is', (file, schema) => {
    const example = exampleOf(file);
    expect(schema.safeParse(example).error).toBeUndefined();
    const known = new Set(pathsOf(schema));
    expect(known.size).toBeGreaterThan(0);
    const used = new Set(usedBy(example, known));
    expect([...known].filter((path) => !used.has(path))).toEqual([]);
  });

  const repository = new GitRepository(NOW_S);
  afterAll(() => repository.remove());

  it('are collected as they are: every signal with an input is known, and a plan is made of the roadmap', async () => {
    repository.commit(
      {
        ...examples,
        'core/sum.js': 'export const sum = (a, b) => a + b;\nexport const ttl = "ttl_s";\n',
        'core/sum.test.js': 'sum(1, 2);\n',
        'docs/testing.md': 'reviewed\n',
        'tools/words.txt': 'canal\nlock\n',
        'package-lock.json': json({
          lockfileVersion: 3,
          packages: { '': {}, 'node_modules/left-pad': { version: '1.3.0', license: 'WTFPL' } },
        }),
      },
      3,
    );
    const measured = await measure(repository.root, {}, NOW_S);
    const { facts, policy } = measured;
    const inputs = ['tests', 'dependencies', 'dead-code', 'settings', 'flags', 'reproducibility', 'ml-tests', 'service-levels'] as const;
    const signals = [...policy.expects, ...inputs, 'model-inputs', 'model-quality', 'embedding-contracts', 'data-dependencies'] as const;
    expect(signals.filter((signal) => !facts.isKnownAnywhere(signal))).toEqual([]);
    expect(facts.of('recipe-input').map(({ subject, symbol }) => `${subject} ${symbol}`)).toEqual([
      'models/recipe.json npm:wordlist@1.0.0',
      'tools/words.sh https://example.org/words.txt',
    ]);
    const of = { ...measured, assessment: assess(facts, policy) };
    const { owners, roadmap: forecast } = await planOf(of, 13, { features: roadmap.parse(exampleOf('roadmap.json')) });
    expect(owners.map(({ owner }) => owner)).toEqual(['core-team', 'web-team']);
    expect(forecast?.features.map(({ feature, paidWeek }) => [feature, paidWeek !== null])).toEqual([
      ['facets', true],
      ['saved searches', true],
    ]);
  });
});
