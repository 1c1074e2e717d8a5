import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { DOCUMENT_STORE_LIMITS } from './document-store-limits.ts';

const { documentLabelCharsMax, queryLabelsMaxCount } = DOCUMENT_STORE_LIMITS;

/** Names who may read a document. URLs list several between commas. */
export const accessLabel = z
  .string()
  .min(1)
  .max(documentLabelCharsMax)
  .regex(/^[^\p{Cc}\p{Surrogate},]*$/u, 'must have neither control characters nor commas');

const NARROWS =
  'Documents that have one of these labels, and what has no label at all: of what the key may read, nothing else. Absent: all of that.';

/** By which labels a query narrows what its key may read. */
export const narrowingLabels = z
  .array(accessLabel)
  .max(queryLabelsMaxCount)
  .optional()
  .meta(about(NARROWS, ['staff']));

/** The same in a URL. */
export const narrowingLabelsText = z
  .string()
  .transform((text) => (text === '' ? [] : text.split(',')))
  .pipe(z.array(accessLabel).max(queryLabelsMaxCount))
  .optional()
  .meta(about(`${NARROWS} Between commas.`, 'staff,board'));
