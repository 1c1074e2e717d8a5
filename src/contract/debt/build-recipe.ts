import * as z from 'zod';

/** How files came to be, as it is written beside them: enough to make them again and compare. Unknown fields are the build's own. */

const path = z
  .string()
  .min(1)
  .max(1_024)
  .refine((text) => !text.startsWith('/') && !text.split('/').includes('..'), { message: 'must be a path inside the folder' });
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 as 64 lower-case hex digits');

const input = z
  .looseObject({
    /** `npm:NAME@VERSION`: the package as npm packs it; `npm:NAME/FILE`: a file of an installed package; `file:PATH`: a file of the repository. */
    uri: z.string().min(1).max(1_024).optional(),
    /** Where the command reads it, in the repository. */
    path: path.optional(),
    /** Absent: the input is not pinned. */
    sha256: sha256.optional(),
  })
  .refine(({ uri, path: at }) => uri !== undefined || at !== undefined, { message: 'must have a uri or a path' });
export type RecipeInput = z.output<typeof input>;

export const buildRecipe = z.looseObject({
  /** A command of a POSIX shell, run in the root of the repository. */
  command: z.string().min(1).max(4_096),
  /** The version of Node that made the outputs, such as `v24.21.0`. */
  node: z.string().max(64).optional(),
  inputs: z.array(input).max(10_000),
  /** Where the paths of outputs begin, in the repository. */
  outputsFolder: path.optional(),
  outputs: z.array(z.looseObject({ path, sha256 })).min(1).max(10_000),
  parameters: z.unknown().optional(),
  /** What the outputs were measured to be: numbers, at any depth. */
  metrics: z.unknown().optional(),
  /** A JSON file below `outputsFolder` in which the command writes `metrics` as it measures them. */
  metricsFile: path.optional(),
  /** How far a metric may lie from the recipe's. */
  metricsTolerance: z.number().min(0).optional(),
});
export type BuildRecipe = z.output<typeof buildRecipe>;
