import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { fileId } from '../files/files.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { JOB_LIMITS } from './job-limits.ts';

// A program as jobs name it: what is run, with which files and environment, and what it leaves behind.

const isInside = (path: string): boolean =>
  path.split('/').every((part) => part !== '' && part !== '.' && part !== '..') && !path.includes('\0');

/** A file in the folder that the program works in. */
const path = z
  .string()
  .min(1)
  .max(JOB_LIMITS.artifactPathCharsMax)
  .refine(isInside, 'must be a relative path without empty, `.` or `..` parts')
  .meta(about('Relative to the folder that the program works in.', 'data/train.csv'));

const areDistinct = (paths: readonly string[]): boolean => new Set(paths).size === paths.length;
const sizeOf = (texts: readonly string[]): number => texts.reduce((sum, { length }) => sum + length, 0);

const text = z.string().refine((value) => !value.includes('\0'), 'must not contain the character NUL');

const argv = z
  .array(text)
  .min(1)
  .max(JOB_LIMITS.programArgumentsMaxCount)
  .refine((words) => words[0] !== '', 'must begin with the name of a program')
  .refine(
    (words) => sizeOf(words) <= JOB_LIMITS.programTextCharsMax,
    `has too many characters: the limit is ${JOB_LIMITS.programTextCharsMax}`,
  )
  .meta(about('The program and its arguments. No shell interprets them.', ['python3', 'train.py', '--epochs', '3']));

const variable = z
  .string()
  .regex(/^(?!SLUICE_)[A-Za-z_][A-Za-z0-9_]*$/, 'must be letters, digits and underscores, and not begin with SLUICE_')
  .max(API_LIMITS.nameCharsMax);

const environment = z
  .record(variable, text)
  .refine(
    (entries) => Object.keys(entries).length <= JOB_LIMITS.programVariablesMaxCount,
    `the limit is ${JOB_LIMITS.programVariablesMaxCount} variables`,
  )
  .refine(
    (entries) => sizeOf(Object.values(entries)) <= JOB_LIMITS.programTextCharsMax,
    `has too many characters: the limit is ${JOB_LIMITS.programTextCharsMax}`,
  )
  .meta(about('Besides PATH, HOME, TMPDIR, LANG and what begins with SLUICE_. It is shown with the job.', { SEED: '7' }));

const inputs = z
  .array(z.strictObject({ file: fileId, path }))
  .max(JOB_LIMITS.jobArtifactsMaxCount)
  .refine((files) => areDistinct(files.map((file) => file.path)), 'names a path twice')
  .meta(about('Files that are there when the program starts.'));

const outputs = z
  .array(path)
  .max(JOB_LIMITS.jobArtifactsMaxCount)
  .refine(areDistinct, 'names a path twice')
  .meta(about('Files that the program has to leave behind. They are the outputs of the job.', ['model.bin']));

const limits = z
  .strictObject({
    cpu_s: z.int().min(1).max(JOB_LIMITS.jobRuntimeMaxS).optional().meta(about('Seconds of a core.')),
    memory_mib: z.int().min(16).max(JOB_LIMITS.nodeMemoryMibMax).optional().meta(about('Of heap, private mappings and stacks.')),
    file_mib: z.int().min(1).max(JOB_LIMITS.programFileMibMax).optional().meta(about('Of any file that it writes.')),
  })
  .meta(
    about('What each process of the program may use. `max_runtime_s` bounds the attempt, and its outputs have 480 MiB together at most.'),
  );

/** Fields of every kind of job that runs a program. */
export const PROGRAM_FIELDS = {
  argv,
  environment: environment.default({}),
  inputs: inputs.default([]),
  outputs: outputs.default([]),
  checkpoint: path
    .optional()
    .meta(
      about(
        'The file in which the program saves its work, replacing it in one step. An attempt begins with what the last one has saved.',
        'state.json',
      ),
    ),
  limits: limits.default({}),
} as const;

/** A program as its runner gets it. */
export const PROGRAM_ASSIGNMENT = {
  argv: z.array(z.string()),
  environment: z.record(z.string(), z.string()),
  inputs: z.array(z.object({ path: z.string() })),
  outputs: z.array(z.string()),
  checkpoint: z.string().nullable(),
  limits,
  grace_ms: z.int().meta(about('How long it may take to stop.')),
  checkpoint_interval_ms: z.int().nullable(),
} as const;
