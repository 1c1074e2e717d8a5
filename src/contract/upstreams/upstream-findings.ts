import * as z from 'zod';

import { about, named } from '../api/api-text.ts';

/** What calls to an upstream may lack: see `findingsOf`. */
const CODES = [
  'base_url_has_call',
  'base_url_repeats_version',
  'base_url_lacks_version',
  'no_tls',
  'no_secret',
  'secret_refused',
  'redirected',
  'unreachable',
  'slow',
  'failing',
  'cannot_list',
  'no_models',
  'model_missing',
  'no_price',
  'no_route',
  'no_limits',
] as const;

export type UpstreamFindingCode = (typeof CODES)[number];

export const upstreamFinding = named('UpstreamFinding', {
  code: z.enum(CODES),
  severity: z.enum(['error', 'warning']).meta(about('`error`: calls fail.')),
  field: z.string().meta(about('The field of the upstream that is at fault, such as `models[0].prices`.')),
  message: z.string(),
  command: z.string().meta(about('What mends it, on the command line. Words in capitals are to be filled in.')),
});
