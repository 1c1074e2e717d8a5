import type { GateCheckName } from '../build/gate/model-gate.ts';
import { GATE_BOUNDS } from '../build/gate/model-gate.ts';

/** What a version needs to serve alone, by the checks of its gate: whatever bounds the gate itself was given. */
const NEEDED: Readonly<Record<GateCheckName, { readonly bound: number; readonly atMost: boolean }>> = {
  'overlap@10': { bound: GATE_BOUNDS.overlapMin, atMost: false },
  'ndcg@10 ratio': { bound: GATE_BOUNDS.ndcgRatioMin, atMost: false },
  'similarity drop': { bound: GATE_BOUNDS.similarityDropMax, atMost: true },
  'vectors not finite': { bound: 0, atMost: true },
  'further zero vectors': { bound: 0, atMost: true },
};

/**
 * Why the evaluation of a version keeps it from serving alone: each check of `evaluation.gate` that misses its bound, or has no value. Nothing
 * where there is no such report: what was not judged is not refused. [M95]
 */
export function gateFaults(evaluation: Readonly<Record<string, unknown>> | null): readonly string[] {
  const gate = evaluation?.['gate'];
  if (!isRecord(gate)) return [];
  const checks = gate['checks'];
  if (!Array.isArray(checks)) return ['its report has no checks'];
  const known = checks.filter((check) => isRecord(check) && typeof check['name'] === 'string' && Object.hasOwn(NEEDED, check['name']));
  if (known.length === 0) return ['its report has no check that is known'];
  return known.flatMap((check: Readonly<Record<string, unknown>>) => {
    const name = check['name'] as GateCheckName;
    const value = check['value'];
    const { bound, atMost } = NEEDED[name];
    // JSON has no NaN: what could not be measured is null, and does not pass.
    if (typeof value === 'number' && (atMost ? value <= bound : value >= bound)) return [];
    return [`${name} is ${String(value)}, and must be ${atMost ? 'at most' : 'at least'} ${bound}`];
  });
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
