import type { FieldPath } from '../../../../contract/api/field-path.ts';
import type { Outcome } from '../../../../contract/api/outcome.ts';
import { refuseBeyond } from '../../../../contract/limits/limit-refusal.ts';
import { PLAN_LIMITS } from '../../../../contract/vectors/plans/plan-limits.ts';
import type { StageOf } from '../../../../contract/vectors/plans/stages.ts';
import { fromBase64 } from '../../../../kernel/bytes.ts';
import { must } from '../../../../kernel/assert.ts';
import { ok } from '../../../../kernel/result.ts';
import type { TokenVectors } from '../../../../text/fusion/max-sim.ts';
import { MaxSim } from '../../../../text/fusion/max-sim.ts';
import type { PlanTexts } from '../plan-texts.ts';

/** What rows are compared with, and by which field. */
interface Asked {
  /** Row-major. */
  readonly query: Float32Array;
  readonly field: string;
  readonly dimensions: number;
  readonly at: FieldPath;
}

/** Compares rows by the vectors of their fields, as far as one call may. */
export class MaxSimWork {
  #products = 0;

  /** The similarity of each row by its contents; undefined: it has no vectors in the field. Refuses with `limit_exceeded` what would take too long. */
  scores(contents: readonly (string | null)[], { query, field, dimensions, at }: Asked): Outcome<(number | undefined)[]> {
    const rows = contents.map((json) => vectorsOf(json, field));
    const numbers = rows.reduce((sum, row) => sum + (row?.codes.length ?? 0), 0);
    const products = this.#products + (numbers * query.length) / dimensions;
    if (products > PLAN_LIMITS.maxSimProductsMaxCount) {
      const what = `comparing ${query.length / dimensions} vectors with those of ${contents.length} candidates takes, with those before, ${products} multiplications`;
      return refuseBeyond({ path: [...at, 'depth'], limit: 'maxSimProductsMaxCount', value: products, what, advice: 'lower the depth' });
    }
    this.#products = products;
    const compare = new MaxSim(query, dimensions);
    return ok(rows.map((row) => (row === undefined ? undefined : compare.score(row))));
  }
}

/** What a stage compares with, row-major. Refuses as the embedder does, and with `limit_exceeded` a text that becomes too many vectors. */
export async function queryVectors(
  stage: StageOf<'max_sim'>,
  texts: PlanTexts,
  dimensions: number,
  at: FieldPath,
): Promise<Outcome<Float32Array>> {
  if (stage.text === undefined) return ok(joinedRows(stage.vectors ?? []));
  const made = await texts.of(stage);
  if (!made.ok) return made;
  const count = made.value.length / dimensions;
  if (count <= PLAN_LIMITS.maxSimVectorsMaxCount) return made;
  return refuseBeyond({ path: [...at, 'text'], limit: 'maxSimVectorsMaxCount', value: count, what: `becomes ${count} vectors` });
}

function joinedRows(rows: readonly Float32Array[]): Float32Array {
  const [first] = rows;
  const joined = new Float32Array(rows.length * (first?.length ?? 0));
  for (const [i, row] of rows.entries()) joined.set(row, i * row.length);
  return joined;
}

/** What a write has stored of a multi-vector field. */
interface StoredVectors {
  readonly codes: string;
  readonly scales: readonly number[];
}

function vectorsOf(json: string | null, field: string): TokenVectors | undefined {
  const fields = json === null ? {} : (JSON.parse(json) as Readonly<Record<string, StoredVectors>>);
  const stored = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (stored === undefined) return undefined;
  const { codes, scales } = stored;
  const bytes = must(fromBase64(codes), 'the contents of a row were written as base64');
  return { codes: new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length), scales };
}
