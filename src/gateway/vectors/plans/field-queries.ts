import type { FieldQuery } from '../../../ann/row-fields.ts';
import type { SparseLeg, TextLeg } from '../../../contract/vectors/plans/legs.ts';
import type { PlanBody } from '../../../contract/vectors/plans/plans.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import { must } from '../../../kernel/assert.ts';
import { fieldsOfKind } from './known-fields.ts';
import { bm25For } from './tuned-legs.ts';

/** What a text leg asks of shards. */
export function textQueryOf(
  manifest: IndexManifest,
  weighting: Pick<PlanBody, 'k1' | 'b'>,
  leg: TextLeg,
): FieldQuery & { readonly kind: 'text' } {
  const query = must(leg.query ?? leg.text, 'the schema asks for one of the two');
  return { kind: 'text', query, fields: weighedFields(manifest, leg), ...bm25For(manifest, weighting) };
}

/** The fields of a text leg: what it names counts beside what the index says of each. */
function weighedFields(manifest: IndexManifest, { fields }: TextLeg) {
  return fieldsOfKind(manifest, 'text').flatMap(([name, { weight }]) => {
    const own = fields === undefined ? 1 : Object.hasOwn(fields, name) ? fields[name] : undefined;
    return own === undefined ? [] : [{ name, weight: weight * own }];
  });
}

/** The numbers of a sparse leg that are given as such, by rising index. */
export function givenNumbers({ indices = [], values = [] }: SparseLeg): { readonly indices: number[]; readonly values: number[] } {
  const pairs = indices.map((index, i) => ({ index, value: must(values[i], 'every index has a value') })).sort((a, b) => a.index - b.index);
  return { indices: pairs.map(({ index }) => index), values: pairs.map(({ value }) => value) };
}
