import * as z from 'zod';

import { about } from '../api/api-text.ts';

// How a job registers what it has made as a version of a model.

/** The name that a model is registered under: one that keys can be restricted to, and to which `@` and a version can be added. */
export const registeredName = z
  .string()
  .regex(/^[a-zA-Z0-9][\w.-]{0,63}$/, 'must begin with a letter or a digit and have up to 64 of letters, digits, _ . and -')
  .meta(about('The name of a registered model.', 'all-minilm-l6'));

/** What becomes of the version besides: checked alone, or checked and then promoted. */
export const registration = z
  .strictObject({
    name: registeredName,
    stage: z
      .enum(['verified', 'serving'])
      .default('verified')
      .meta(about('`serving`: once it has passed its checks it is promoted, too, under the rules of every promotion.')),
  })
  .meta(
    about(
      'Registers what the job has made as the next version of this model, once however often the job is tried. Needs the scope `models:write`. If the version is refused or ' +
        'does not pass its checks, the job fails with `registration_refused`.',
    ),
  );

export type Registration = z.output<typeof registration>;
