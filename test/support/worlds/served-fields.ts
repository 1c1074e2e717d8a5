import type { FieldsOver } from '../../../src/ann/row-fields.ts';
import { Analysers } from '../../../src/text/fields/known-fields.ts';
import { SqliteRowFields } from '../../../src/text/fields/sqlite-row-fields.ts';

const analysers = new Analysers();

/** Fields as objects serve them, with so little memory that postings are read again all the time. */
export const servedFields: FieldsOver = (storage, rows) => new SqliteRowFields(storage, rows, analysers, 1 << 14);
