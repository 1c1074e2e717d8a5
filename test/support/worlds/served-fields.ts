import { AllFields } from '../../../src/ann/field-vectors/all-fields.ts';
import type { VectorFieldResources } from '../../../src/ann/field-vectors/vector-fields.ts';
import { VectorFields } from '../../../src/ann/field-vectors/vector-fields.ts';
import type { FieldsOver } from '../../../src/ann/row-fields.ts';
import { Analysers } from '../../../src/text/fields/known-fields.ts';
import { SqliteRowFields } from '../../../src/text/fields/sqlite-row-fields.ts';

const analysers = new Analysers();

/** Fields as objects serve them, with so little memory that postings are read again all the time. */
export const servedFields =
  (floor: VectorFieldResources, name: string): FieldsOver =>
  (storage, rows) =>
    new AllFields(
      new SqliteRowFields(storage, rows, analysers, { registry: floor.memory, name: `${name}/postings`, bytesMax: 1 << 14 }),
      new VectorFields(storage, rows, floor, name),
    );
