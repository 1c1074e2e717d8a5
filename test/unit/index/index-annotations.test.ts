import { expect, it } from 'vitest';
import type { AnnotationChange, IndexAnnotations } from '../../../src/index/index-annotations.ts';
import { annotated, NO_ANNOTATIONS } from '../../../src/index/index-annotations.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { assert } from '../../../src/kernel/assert.ts';

function after(...changes: AnnotationChange[]): IndexAnnotations {
  const outcome = annotated(NO_ANNOTATIONS, changes);
  assert(outcome.ok, 'the changes are taken');
  return outcome.value;
}

const declare = (field: string): AnnotationChange => ({ kind: 'declare', field, as: { data_type: 'keyword' } });

it('[Q9] sections are merged by member or replaced, and fields are declared and withdrawn', () => {
  const merged = after(
    { kind: 'merge', section: 'hnsw_config', members: { m: 16, on_disk: true } },
    { kind: 'merge', section: 'hnsw_config', members: { m: 32 } },
    { kind: 'replace', section: 'quantization_config', members: { scalar: { type: 'int8' } } },
    { kind: 'replace', section: 'quantization_config', members: { binary: {} } },
  );
  expect(merged.sections).toEqual({ hnsw_config: { m: 32, on_disk: true }, quantization_config: { binary: {} } });
  const gone = annotated(merged, [{ kind: 'replace', section: 'quantization_config', members: null }]);
  expect(gone.ok && gone.value.sections).toEqual({ hnsw_config: { m: 32, on_disk: true } });
  const fields = after(
    declare('a'),
    declare('__proto__'),
    declare('b'),
    { kind: 'withdraw', field: 'a' },
    { kind: 'withdraw', field: 'never' },
  );
  expect(Object.keys(fields.fields)).toEqual(['__proto__', 'b']);
});

it('[Q9] too many fields or bytes are refused, and nothing of the call is kept', () => {
  const { indexFieldsMaxCount: countMax, indexAnnotationsBytesMax: bytesMax } = INDEX_LIMITS;
  const full = after(...Array.from({ length: countMax }, (_, i) => declare(`f${i}`)));
  expect(annotated(full, [declare('f0')]).ok).toBe(true);
  expect(annotated(full, [declare('one more')])).toMatchObject({
    error: { code: 'limit_exceeded', limit: { name: 'indexFieldsMaxCount' } },
  });
  const large: AnnotationChange = { kind: 'merge', section: 'metadata', members: { text: 'x'.repeat(bytesMax) } };
  expect(annotated(full, [large])).toMatchObject({
    error: { code: 'limit_exceeded', limit: { name: 'indexAnnotationsBytesMax' } },
  });
});
