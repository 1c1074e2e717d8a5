import * as z from 'zod';

import { ok } from '../../kernel/result.ts';
import { about } from '../api/api-text.ts';
import { fileId } from '../files/files.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { JOB_LIMITS } from './job-limits.ts';
import type { Outcome } from '../api/outcome.ts';
import { refuse } from '../api/outcome.ts';
import { registration } from './registration.ts';

// The work of jobs that make one model of another: the options of `sluice models quantize`, `prune` and `distil`, with files of the tenant
// for files.

const model = z.string().min(1).max(API_LIMITS.nameCharsMax);
const share = z.number().min(0).max(1).optional();

const gate = z
  .strictObject({
    retrieval_file: fileId
      .optional()
      .meta(
        about(
          'JSON lines: documents `{"id", "text"}` and queries `{"query", "relevant": ["ID"]}`. Absent: definitions of WordNet, if the agent has it.',
        ),
      ),
    sts_file: fileId.optional().meta(about('JSON lines `{"left", "right", "score"}`: similarity as people see it.')),
    overlap_min: share.meta(about('Of the ten nearest, the share that must stay; 0.95 if absent.')),
    ndcg_min: share.meta(about("Of the parent's nDCG@10, the lower end of the 95 % interval; 0.98 if absent.")),
    similarity_drop_max: share.meta(about("Of Spearman's correlation; 0.005 if absent.")),
  })
  .default({})
  .meta(about('What the new model is judged by, beside the one it was made of. If it is refused, the job fails with `gate_refused`.'));

const calibration = fileId.optional().meta(about('JSON lines of inputs, `{"text"}` or `{"inputs"}`: measures the drift of the outputs.'));

/** What these kinds have in common, besides what they are made of. */
const common = { register: registration } as const;

export const quantize = z.strictObject({
  kind: z.literal('quantize'),
  model: model.meta(about('What is quantised: a registered embedding model.', 'minilm@1')),
  bits: z.union([z.literal(8), z.literal(4)]).default(8),
  modes: z
    .array(z.string().max(16))
    .max(8)
    .optional()
    .meta(about('As `--mode` of `sluice models quantize`; absent: those that suit the bits.')),
  block: z.union([z.literal(16), z.literal(32), z.literal(64), z.literal(128)]).default(32),
  skip: z.array(z.string().max(API_LIMITS.tensorNameCharsMax)).max(JOB_LIMITS.buildSkipsMaxCount).default([]),
  calibration_file: calibration,
  drift_max: z.number().positive().max(2).optional().meta(about('Constants that alone move the outputs by more stay as they are.')),
  gate,
  ...common,
});

export const prune = z.strictObject({
  kind: z.literal('prune'),
  model: model.meta(about('What is made smaller, as for `quantize`.', 'minilm@1')),
  words: z.int().min(1).max(10_000_000).optional(),
  dimensions: z.int().min(1).max(100_000).optional(),
  layers: z.int().min(1).max(1_000).optional().meta(about('Encoder layers to leave out; needs `calibration_file`.')),
  corpus_file: fileId.optional().meta(about('Of a static model: its words alone stay, or the axes are those of its lines.')),
  calibration_file: calibration,
  gate,
  ...common,
});

export const distill = z.strictObject({
  kind: z.literal('distill'),
  model: model.optional().meta(about('The teacher, which embeds the texts; or give `vectors_file`.', 'minilm@1')),
  vectors_file: fileId.optional().meta(about("The teacher's vector of each line: float32, little-endian, end to end.")),
  texts_file: fileId.meta(about('JSON lines, each with a text.')),
  field: z.string().min(1).max(API_LIMITS.nameCharsMax).default('text').meta(about('Of a line that has its text.')),
  group: z
    .string()
    .min(1)
    .max(API_LIMITS.nameCharsMax)
    .optional()
    .meta(about('The field that names its document: parts of one are never split.')),
  words: z.int().min(1).max(1_000_000).default(JOB_LIMITS.distilWordsDefaultCount),
  folds: z.int().min(2).max(20).default(5),
  recall_min: share.meta(
    about(
      'Least recall@10 of texts that were held out, in the index of the teacher; 0.6 if absent. Below it the job fails with `gate_refused`.',
    ),
  ),
  ...common,
});

export type ModelBuild = z.output<typeof quantize> | z.output<typeof prune> | z.output<typeof distill>;

/** Refuses what no agent can make, for want of a field that others need, before a job waits for an agent. */
export function checkBuild(build: ModelBuild): Outcome<null> {
  if (build.kind === 'distill')
    return (build.model === undefined) === (build.vectors_file === undefined)
      ? refuse('invalid_value', 'must be given, or `vectors_file`, and not both', 'model')
      : ok(null);
  const isCalibrated = build.calibration_file !== undefined;
  if (build.kind === 'quantize')
    return build.drift_max !== undefined && !isCalibrated
      ? refuse('invalid_value', 'is needed where `drift_max` bounds the drift: it is measured on these inputs', 'calibration_file')
      : ok(null);
  const { words, dimensions, layers, corpus_file: corpus } = build;
  if (layers !== undefined && !isCalibrated)
    return refuse('invalid_value', 'is needed where `layers` are left out: they are chosen by these inputs', 'calibration_file');
  if ([words, dimensions, layers, corpus].every((given) => given === undefined))
    return refuse('invalid_value', 'must be given, or `dimensions`, `layers` or `corpus_file`: else nothing is left out', 'words');
  return ok(null);
}
